const units: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }

/**
 * Whether a text is a duration as Go writes it: `5m`, `1h30m`, `-1s`. A number without a unit is
 * no duration, except `0`.
 */
export function isDuration(text: string): boolean {
  return text === '0' || /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)){1,8}$/.test(text)
}

/**
 * Returns the seconds of a `keep_alive`, which is a number or a duration. Returns NaN for anything
 * else (docs/ollama.md#1-stream).
 */
export function toSeconds(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !isDuration(value)) return NaN
  let seconds = 0
  for (const [, amount, unit = ''] of value.matchAll(/([\d.]+)([a-zµμ]+)/g)) seconds += Number(amount) * units[unit]!
  return value.startsWith('-') ? -seconds : seconds
}

/**
 * Parses a `keep_alive` that a person typed. Digits become a number, because Ollama accepts seconds
 * only as a number and not as a string (docs/ollama.md#1-stream).
 */
export function parseKeepAlive(text: string): string | number {
  return /^-?\d+$/.test(text) ? Number(text) : text
}
