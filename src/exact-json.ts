/**
 * JSON whose numbers keep their digits. JavaScript alone would change `1234567890123456789` into
 * another number, and `1.0` into `1`.
 */

/**
 * A number as its JSON text, which `JSON.stringify` writes. It is an object (docs/hazards.md#89).
 */
export interface RawNumber {
  readonly rawJSON: string
}

/** A number that `parseExact` gives. It is raw if JavaScript would write it in another way. */
export type ExactNumber = number | RawNumber

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber
    isRawJSON(value: unknown): value is RawNumber
  }
}

/**
 * Like `JSON.parse`, but a number that JavaScript would write in another way becomes a `RawNumber`.
 * Equal numbers share one object. A text without such numbers costs one scan more than
 * `JSON.parse`. A reviver would cost many times as much (docs/hazards.md#87).
 * @param parsed the result of `JSON.parse` for this text, if there is one already
 * @throws SyntaxError if the text is not JSON
 */
export function parseExact(text: string, parsed?: unknown): unknown {
  const { marked, raws } = mark(text)
  if (raws.length > 0) return unmark(JSON.parse(marked), raws)
  return parsed === undefined ? JSON.parse(text) : parsed
}

export function isNumber(value: unknown): value is ExactNumber {
  return typeof value === 'number' || JSON.isRawJSON(value)
}

/** The value as a number to compute with. NaN if it is no number. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value
  return JSON.isRawJSON(value) ? Number(value.rawJSON) : NaN
}

/** Whether a value is an object, but neither an array nor a raw number. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

/**
 * The index of the quote that closes the string at `start`, or the text's length if none does.
 */
export function endOfString(text: string, start: number): number {
  for (let quote = start; ;) {
    quote = text.indexOf('"', quote + 1)
    if (quote === -1) return text.length
    let slashes = 0
    while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return quote
  }
}

/**
 * A quote, or a sign that a number may need its digits: many digits, a fraction, an exponent, or
 * -0.
 */
const candidates = /"|\d{16}|\d[.eE]|-0/g

/**
 * The mark of the raw number `i` is the number `(i + 1) * markUnit`. Every other number in a marked
 * text is smaller, because `isExact` is false for a number of this size, and a mark takes its
 * place. A mark is a number and not a string, so that a text with marks is valid JSON if and only
 * if the text without them is.
 */
const markUnit = 1e22

/**
 * How many different numbers are remembered, to find numbers that are equal. A larger table would
 * be slow.
 */
const maxKnown = 65_536

/** Replaces the numbers that need their digits by marks. `marked` is empty if there are none. */
function mark(text: string): { marked: string; raws: RawNumber[] } {
  const raws: RawNumber[] = []
  const known = new Map<string, string>()
  let marked = ''
  let pieces: string[] = []
  let copiedEnd = 0

  function toMark(token: string): string {
    // `JSON.parse` makes a copy, because a slice keeps its whole text in memory
    // (docs/hazards.md#88).
    raws.push(JSON.rawJSON(JSON.parse(`"${token}"`) as string))
    const mark = `${raws.length}e22`
    if (known.size >= maxKnown) known.clear()
    known.set(token, mark)
    return mark
  }

  candidates.lastIndex = 0
  for (let match; (match = candidates.exec(text));) {
    let start = match.index
    if (match[0] === '"') {
      candidates.lastIndex = endOfString(text, start) + 1
      continue
    }
    // The token takes in every neighbouring character that a number may have, so that invalid JSON
    // stays invalid.
    while (start > copiedEnd && isNumeric(text.charCodeAt(start - 1))) start--
    let end = candidates.lastIndex
    while (isNumeric(text.charCodeAt(end))) end++
    candidates.lastIndex = end
    const token = text.slice(start, end)
    if (isExact(token)) continue
    pieces.push(text.slice(copiedEnd, start), known.get(token) ?? toMark(token))
    copiedEnd = end
    if (pieces.length < 4096) continue
    marked += pieces.join('')
    pieces = []
  }
  // An engine keeps the text of its last match in memory, so the last match is of a short text
  // (docs/hazards.md#88).
  candidates.exec('"')
  return raws.length > 0 ? { marked: marked + pieces.join('') + text.slice(copiedEnd), raws } : { marked, raws }
}

/** 0–9 + - . E e */
function isNumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e || (code | 0x20) === 0x65
}

/**
 * Whether JavaScript would write the number in the same way, and whether the number is too small
 * for a mark.
 */
function isExact(token: string): boolean {
  const value = Number(token)
  return String(value) === token && Math.abs(value) < markUnit
}

/**
 * Replaces the marks by their raw numbers. It does not recurse, because deep JSON would use up
 * the stack.
 */
function unmark(root: unknown, raws: readonly RawNumber[]): unknown {
  const top = [root]
  const unvisited: (unknown[] | Record<string, unknown>)[] = [top]

  function visit(value: unknown): RawNumber | undefined {
    if (typeof value === 'number') return value >= markUnit ? raws[Math.round(value / markUnit) - 1] : undefined
    if (typeof value === 'object' && value !== null) unvisited.push(value as Record<string, unknown>)
    return undefined
  }

  for (let container; (container = unvisited.pop());) {
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
