import { OllamaError } from './ollama-error.ts'

const defaultMs = 5 * 60_000
/** Go's longest duration: what "for ever" is in Ollama, so `expires_at` is in the year 2318. */
const foreverMs = 9_223_372_036_854
const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `keep_alive` in milliseconds: a number of seconds or a Go duration (`1h30m`); negative = for ever (docs/ollama.md §1). */
export function parseKeepAlive(value: unknown): number {
  if (value === undefined || value === null) return defaultMs
  const ms = typeof value === 'number' ? value * 1000 : parseGoDuration(value)
  return ms < 0 ? foreverMs : Math.min(ms, foreverMs)
}

function parseGoDuration(value: unknown): number {
  if (typeof value !== 'string') throw new OllamaError(400, `Unsupported type: '${typeof value}'`)
  const [, sign, parts] = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(value) ?? []
  if (parts === undefined) {
    const problem = /^[-+]?\d+\.?\d*$/.test(value) ? 'missing unit in' : 'invalid'
    throw new OllamaError(400, `time: ${problem} duration ${JSON.stringify(value)}`)
  }
  let ms = 0
  for (const [, number, unit = ''] of parts.matchAll(/([\d.]+)(\D+)/g)) ms += Number(number) * (unitMs[unit] ?? 0)
  return sign === '-' ? -ms : ms
}
