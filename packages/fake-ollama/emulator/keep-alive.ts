import { toSeconds } from '#ollama-grammar/duration.ts'
import { OllamaError } from './ollama-error.ts'

const defaultMs = 5 * 60_000
/** Go's longest duration: what "for ever" is in Ollama, so `expires_at` is in the year 2318. */
const foreverMs = 9_223_372_036_854

/**
 * `keep_alive` in milliseconds: a number of seconds or a Go duration (`1h30m`); negative = for ever (docs/ollama.md §1).
 * @throws OllamaError 400 in the words of Go's parser
 */
export function parseKeepAlive(value: unknown): number {
  if (value === undefined || value === null) return defaultMs
  if (typeof value !== 'number' && typeof value !== 'string') throw new OllamaError(400, `Unsupported type: '${typeof value}'`)
  const ms = toSeconds(value) * 1000
  if (Number.isNaN(ms)) {
    const problem = /^[-+]?\d+\.?\d*$/.test(String(value)) ? 'missing unit in' : 'invalid'
    throw new OllamaError(400, `time: ${problem} duration ${JSON.stringify(value)}`)
  }
  return ms < 0 ? foreverMs : Math.min(ms, foreverMs)
}
