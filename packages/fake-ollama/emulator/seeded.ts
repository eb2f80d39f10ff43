/** Returns a number in [0, 1) like `Math.random()`, but in a repeatable sequence. */
export type Random = () => number

/** Hashes a text with FNV-1a, 32 bits. */
export function toHash(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

/**
 * Creates a Mulberry32 generator. The same seed results in the same numbers on every runtime,
 * because Ollama's `options.seed` promises the same answer.
 */
export function createRandom(seed: string): Random {
  let state = toHash(seed)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A list with at least one item. */
export type NonEmpty<T> = readonly [T, ...T[]]

/** Picks an item of the list, each with the same probability. */
export function pick<T>(random: Random, list: NonEmpty<T>): T {
  return list[Math.floor(random() * list.length)] ?? list[0]
}
