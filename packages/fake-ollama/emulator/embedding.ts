import { createRandom, toHash } from './seeded.ts'

const length = 256

/**
 * A vector of length 1 out of a text's words and their beginnings, so that texts which share words are near each other; a little
 * noise, seeded by the text, keeps different texts apart. Values are float32, as Ollama's.
 */
export function toEmbedding(text: string, dimensions = length): number[] {
  const vector = Array.from({ length: Math.min(dimensions, length) }, () => 0)
  const random = createRandom(text)
  for (let at = 0; at < vector.length; at++) vector[at] = (random() - 0.5) * 0.02
  for (const word of text.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{N}]+/gu) ?? []) {
    for (const [feature, weight] of [
      [word, 1],
      [word.slice(0, 4), 0.5],
    ] as const) {
      const hash = toHash(feature)
      const at = hash % vector.length
      vector[at] = (vector[at] ?? 0) + (hash & 0x8000 ? weight : -weight)
    }
  }
  const norm = Math.hypot(...vector)
  return vector.map((value) => Number(Math.fround(value / norm).toPrecision(8)))
}
