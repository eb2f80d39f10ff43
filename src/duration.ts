const units: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }

/** `keep_alive` in seconds: a number, or a duration as Go writes it (`1h30m`); NaN for anything else (docs/ollama.md §1). */
export function toSeconds(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return NaN
  if (value === '0') return 0
  if (!/^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)){1,8}$/.test(value)) return NaN
  let seconds = 0
  for (const [, amount, unit = ''] of value.matchAll(/([\d.]+)([a-zµμ]+)/g)) seconds += Number(amount) * (units[unit] ?? NaN)
  return value.startsWith('-') ? -seconds : seconds
}
