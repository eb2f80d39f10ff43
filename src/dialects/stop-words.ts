/**
 * Other APIs' stop sequences → Ollama's `stop`; undefined if there are none. An empty list would take a model's own away, and an empty text is
 * found before the first token.
 */
export function toStopWords(stop: string | readonly string[] | null | undefined): string[] | undefined {
  const words = [stop ?? []].flat().filter((word) => word !== '')
  return words.length > 0 ? words : undefined
}
