/**
 * JSON whose numbers keep their digits: JavaScript would make `1234567890123456789` another number
 * and `1.0` a `1`.
 */

/** A number as its JSON text. `JSON.stringify` writes that text. It is an object (hazard 89). */
export interface RawNumber {
  readonly rawJSON: string
}

/** A number of `parseExact`: raw if JavaScript would write it in another way. */
export type ExactNumber = number | RawNumber

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber
    isRawJSON(value: unknown): value is RawNumber
  }
}

/**
 * As `JSON.parse`, but a number that JavaScript would write in another way is a `RawNumber`. Equal
 * ones share an object. A text without such numbers costs one scan more than `JSON.parse` does. A
 * reviver would cost many times as much (hazard 87).
 * @param parsed what `JSON.parse` made of this text, if it has been parsed before
 * @throws SyntaxError if the text is no JSON
 */
export function parseExact(text: string, parsed?: unknown): unknown {
  const { marked, raws } = mark(text)
  if (raws.length > 0) return unmark(JSON.parse(marked), raws)
  return parsed === undefined ? JSON.parse(text) : parsed
}

export function isNumber(value: unknown): value is ExactNumber {
  return typeof value === 'number' || JSON.isRawJSON(value)
}

/** To compute with. NaN for a value that is no number. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value
  return JSON.isRawJSON(value) ? Number(value.rawJSON) : NaN
}

/** Neither an array nor a number. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

/** Index of the quote that closes the string at `start`; the text's length if none does. */
export function endOfString(text: string, start: number): number {
  for (let quote = start; ;) {
    quote = text.indexOf('"', quote + 1)
    if (quote === -1) return text.length
    let slashes = 0
    while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return quote
  }
}

/** More digits than these may not survive. */
const safeDigits = 15

/**
 * The mark of the raw number `i` is the number `(i + 1) * markUnit`. No other number is as large,
 * because `isExact` is false for each that is. A mark is a number and no string, so that a text is
 * JSON with its marks if and only if it is without them.
 */
const markUnit = 1e22

/** Equal numbers are found among as many different ones. A larger table would be slow. */
const maxKnown = 65_536

/**
 * Puts marks in the place of the numbers that need their digits. `marked` is empty if there are
 * none. Nothing is allocated for other numbers.
 */
function mark(text: string): { marked: string; raws: RawNumber[] } {
  const raws: RawNumber[] = []
  const known = new Map<string, string>()
  let marked = ''
  let pieces: string[] = []
  let taken = 0

  /** Marks the number around `index` if it needs that. Gives the index behind the number. */
  function take(index: number): number {
    let [start, end] = [index, index + 1]
    while (isNumeric(text.charCodeAt(start - 1))) start--
    while (isNumeric(text.charCodeAt(end))) end++
    const token = text.slice(start, end)
    const mark = known.get(token) ?? toMark(token)
    if (mark === undefined) return end
    pieces.push(text.slice(taken, start), mark)
    taken = end
    if (pieces.length >= 4096) flush()
    return end
  }

  function toMark(token: string): string | undefined {
    if (isExact(token)) return undefined
    // Parsed, because that copies: a slice keeps its whole text in memory (hazard 88).
    raws.push(JSON.rawJSON(JSON.parse(`"${token}"`) as string))
    const mark = `${raws.length}e22`
    if (known.size >= maxKnown) known.clear()
    known.set(token, mark)
    return mark
  }

  function flush() {
    marked += pieces.join('')
    pieces = []
  }

  /** Looks at a special character. Gives the index to go on at. */
  function pass(index: number): number {
    switch (text.charCodeAt(index)) {
      case 0x22: // "
        return endOfString(text, index) + 1
      case 0x2d: // - of a -0
        if (text.charCodeAt(index + 1) === 0x30 && text.charCodeAt(index + 2) !== 0x2e) return take(index)
        break
      case 0x2e: // .
        if (isDigit(text.charCodeAt(index - 1))) return endOfShortFraction(text, index) ?? take(index)
        break
      case 0x45: // E
      case 0x65: // e, but not that of `true`
        if (isDigit(text.charCodeAt(index - 1))) return take(index)
    }
    return index + 1
  }

  let next = -1
  for (let i = 0; i < text.length;) {
    if (next < i) next = findSpecial(text, i)
    const long = findLong(text, i, next)
    i = long < next ? take(long) : pass(next)
  }
  forget()
  if (raws.length === 0) return { marked, raws }
  pieces.push(text.slice(taken))
  flush()
  return { marked, raws }
}

const special = /[".eE-]/g

/** Index of the next character that begins a text or may be part of a number beside its digits. */
function findSpecial(text: string, from: number): number {
  // A call of the expression costs as much as a look at 32 characters, but then it runs 40 × faster.
  const near = Math.min(from + 32, text.length)
  for (let i = from; i < near; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22 || code === 0x2d || code === 0x2e || code === 0x45 || code === 0x65) return i
  }
  special.lastIndex = near
  return special.test(text) ? special.lastIndex - 1 : text.length
}

/** Index of a digit of the first long number between two indexes; `to` if there is none. */
function findLong(text: string, from: number, to: number): number {
  // One of 16 neighbours is a digit of such a number, so the others need no look.
  for (let i = from + safeDigits; i < to; i += safeDigits + 1) {
    if (isDigit(text.charCodeAt(i)) && endOfDigits(text, i) - startOfDigits(text, i) > safeDigits) return i
  }
  return to
}

/** An engine keeps the text of the last match of any expression (hazard 88). */
function forget() {
  special.lastIndex = 0
  special.test('"')
}

/**
 * The index behind the number with its point at `point`, if a look at it shows that it needs no
 * mark. Most numbers of an embedding are such.
 */
function endOfShortFraction(text: string, point: number): number | undefined {
  const start = startOfDigits(text, point)
  const end = endOfDigits(text, point + 1)
  if (end - start > safeDigits || isNumeric(text.charCodeAt(end))) return undefined
  // JavaScript drops a last 0, and writes what is below 0.000001 with an exponent.
  return text.charCodeAt(end - 1) > 0x30 && !text.startsWith('0.000000', start) ? end : undefined
}

function startOfDigits(text: string, end: number): number {
  let start = end
  while (isDigit(text.charCodeAt(start - 1))) start--
  return start
}

function endOfDigits(text: string, start: number): number {
  let end = start
  while (isDigit(text.charCodeAt(end))) end++
  return end
}

/** Whether JavaScript writes a number as it is, and it cannot be taken for a mark. */
function isExact(token: string): boolean {
  const value = Number(token)
  return String(value) === token && Math.abs(value) < markUnit
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** 0–9 + - . E e */
function isNumeric(code: number): boolean {
  return isDigit(code) || code === 0x2b || code === 0x2d || code === 0x2e || code === 0x45 || code === 0x65
}

/** Puts the raw numbers in the places of their marks. Without recursion, as depth costs a stack. */
function unmark(root: unknown, raws: readonly RawNumber[]): unknown {
  const top = [root]
  const left: (unknown[] | Record<string, unknown>)[] = [top]

  function visit(value: unknown): RawNumber | undefined {
    if (typeof value === 'number') return value >= markUnit ? raws[Math.round(value / markUnit) - 1] : undefined
    if (typeof value === 'object' && value !== null) left.push(value as Record<string, unknown>)
    return undefined
  }

  for (let container; (container = left.pop());) {
    if (Array.isArray(container)) {
      for (let i = 0; i < container.length; i++) {
        const raw = visit(container[i])
        if (raw) container[i] = raw
      }
    } else {
      for (const key of Object.keys(container)) {
        const raw = visit(container[key])
        if (raw) container[key] = raw
      }
    }
  }
  return top[0]
}
