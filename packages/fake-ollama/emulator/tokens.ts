import type { Random } from './seeded.ts'

/**
 * Matches words with the space before them, numbers, punctuation and the remaining white space. A
 * byte-pair encoder cuts at roughly the same places.
 */
const pieces = /\p{Script=Han}+| ?[^\P{L}\p{Script=Han}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+/gu
const han = /\p{Script=Han}/u

function toPartLength(piece: string, random: Random): number {
  if (han.test(piece)) return 1 + Math.floor(random() * 2)
  if (/^ ?\p{L}/u.test(piece)) return piece.length <= 7 ? piece.length : 3 + Math.floor(random() * 6)
  if (/^\s+$/.test(piece)) return piece.length
  return 1 + Math.floor(random() * 3)
}

/**
 * Cuts a text into tokens, which together are the whole text. `random` decides where it cuts. As in
 * Ollama, no token ends inside a character, but it may end inside a ZWJ sequence, before a
 * combining mark, or after a lone space or newline.
 */
export function cutTokens(text: string, random: Random): string[] {
  const tokens: string[] = []
  for (const [piece] of text.matchAll(pieces)) {
    const chars = Array.from(piece)
    for (let start = 0; start < chars.length;) {
      const length = toPartLength(piece, random)
      tokens.push(chars.slice(start, start + length).join(''))
      start += length
    }
  }
  return tokens
}

/** Drops everything from the first complete stop sequence on. The cut may be within a token. */
export function cutAtStop(tokens: string[], stops: readonly string[]): { tokens: string[]; stopped: boolean } {
  const text = tokens.join('')
  const found = stops
    .filter((stop) => stop !== '' && text.includes(stop))
    .map((stop) => ({ start: text.indexOf(stop), end: text.indexOf(stop) + stop.length }))
    .toSorted((a, b) => a.end - b.end || a.start - b.start)[0]
  if (!found) return { tokens, stopped: false }
  const before: string[] = []
  let remaining = found.start
  for (const token of tokens) {
    if (remaining <= 0) break
    before.push(token.slice(0, remaining))
    remaining -= token.length
  }
  return { tokens: before, stopped: true }
}

/** Returns the first characters of a text, without cutting a surrogate pair. */
export function shorten(text: string, maxChars: number): string {
  return Array.from(text.slice(0, 2 * maxChars))
    .slice(0, maxChars)
    .join('')
}
