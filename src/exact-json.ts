/**
 * JSON whose numbers keep their digits. JavaScript alone would change `1234567890123456789` into
 * another number, and `1.0` into `1`.
 */

/**
 * A number stored as its JSON text, which `JSON.stringify` writes unchanged. It is an object, not a
 * primitive (docs/hazards.md#89).
 */
export interface RawNumber {
  readonly rawJSON: string
}

/** A number as `parseExact` returns it. It is raw if JavaScript would write it differently. */
export type ExactNumber = number | RawNumber

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber
    isRawJSON(value: unknown): value is RawNumber
  }
}

/**
 * Like `JSON.parse`, but a number that JavaScript would write differently becomes a `RawNumber`.
 * Equal raw numbers usually share one object. For a text without raw numbers, the only extra cost
 * is one scan. A reviver would be many times slower (docs/hazards.md#87).
 * @param parsed the result of `JSON.parse` for this text, if the caller already has it
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

/** Converts a plain or raw number into a JavaScript number. Any other value becomes NaN. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value
  return JSON.isRawJSON(value) ? Number(value.rawJSON) : NaN
}

/** Whether a value is an object, but neither an array nor a raw number. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

/**
 * Returns the index of the closing quote of the string that begins at `start`. Returns the length
 * of the text if the string is not closed.
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
 * Matches a quote, or a pattern in a number that JavaScript may write differently: many digits, a
 * fraction, an exponent, or -0.
 */
const candidates = /"|\d{16}|\d[.eE]|-0/g

/**
 * Before a text is parsed, each of its raw numbers is replaced with a mark. The mark of `raws[i]`
 * is the number `(i + 1) * markUnit`. Every original number of at least `markUnit` is replaced (see
 * `isExact`). So every number of at least `markUnit` in the marked text is a mark. A mark is a
 * number and not a string, so that the marked text is valid JSON if and only if the original text
 * is.
 */
const markUnit = 1e22

/** The maximum size of the map with which `mark` finds equal raw numbers. A larger map is slow. */
const maxKnown = 65_536

/**
 * Replaces each number that is not exact (see `isExact`) with a mark. Returns the new text as
 * `marked`, and the replaced numbers as `raws`. If all numbers are exact, both are empty.
 */
function mark(text: string): { marked: string; raws: RawNumber[] } {
  const raws: RawNumber[] = []
  const known = new Map<string, string>()
  let marked = ''
  let pieces: string[] = []
  let copiedEnd = 0

  function toMark(token: string): string {
    // `JSON.parse` copies the token. The token itself is a slice, and a slice would keep the whole
    // text in memory (docs/hazards.md#88).
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
    // The token includes every adjacent character that can occur in a number. Otherwise a mark
    // could replace a part of an invalid number, and the result could be valid JSON.
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
  // JavaScript engines keep the text of the last regular-expression match in memory. This match on
  // a short text makes them release the long text (docs/hazards.md#88).
  candidates.exec('"')
  return raws.length > 0 ? { marked: marked + pieces.join('') + text.slice(copiedEnd), raws } : { marked, raws }
}

/** Whether the character can occur in a number: 0–9 + - . E e */
function isNumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e || (code | 0x20) === 0x65
}

/**
 * Whether JavaScript would write the number exactly like `token`, and its absolute value is below
 * `markUnit`.
 */
function isExact(token: string): boolean {
  const value = Number(token)
  return String(value) === token && Math.abs(value) < markUnit
}

/**
 * Replaces the marks with their raw numbers. It does not recurse, because recursion into deeply
 * nested JSON would overflow the stack.
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
