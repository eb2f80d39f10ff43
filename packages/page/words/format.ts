import type { Words } from './english.ts'

/** `0.4 s`, `12 s`, `2 min 5 s`. Tenths are shown below ten seconds, but only if `isExact`. */
export function formatSeconds(ms: number, words: Words, isExact = true): string {
  const seconds = Math.max(0, ms) / 1000
  const whole = Math.floor(seconds)
  if (seconds >= 60) return words.minutes(String(Math.floor(seconds / 60)), String(whole % 60))
  if (!isExact) return words.seconds(String(whole))
  return words.seconds(seconds < 9.95 ? toDecimal(seconds, words, 1) : String(Math.min(59, Math.round(seconds))))
}

/** `1,234`. Tenths are shown below ten. */
export function formatNumber(value: number, { tag }: Words): string {
  return value.toLocaleString(tag, { maximumFractionDigits: value < 10 ? 1 : 0 })
}

/** `3.3 GB`, in decimal units, as in Ollama's own list. */
export function formatSize(bytes: number, { tag }: Words): string {
  const units = ['kilobyte', 'megabyte', 'gigabyte'] as const
  const power = Math.min(2, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3) - 1))
  const value = bytes / 1000 ** (power + 1)
  return value.toLocaleString(tag, { style: 'unit', unit: units[power]!, maximumFractionDigits: value < 10 ? 1 : 0 })
}

function toDecimal(value: number, { tag }: Words, digits: number): string {
  return value.toLocaleString(tag, { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
