/**
 * Returns the word that somebody meant who typed `typed`: the word that begins so, or else the one
 * that differs least. Returns undefined if none is similar.
 */
export function toNearest(typed: string, words: readonly string[]): string | undefined {
  const longer = words.find((word) => typed !== '' && word.startsWith(typed))
  if (longer !== undefined) return longer
  const [nearest] = words
    .map((word) => ({ word, distance: toDistance(typed, word) }))
    .filter(({ distance }) => distance <= 2)
    .toSorted((a, b) => a.distance - b.distance)
  return nearest?.word
}

/** The Levenshtein distance: how many letters must be added, removed or replaced. */
function toDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 0; i < Math.min(from.length, 32); i++) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++)
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (from[i] === to[j] ? 0 : 1)))
    row = next
  }
  return row.at(-1)!
}
