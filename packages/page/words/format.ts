/** What a language says about figures. */
interface Words {
  /** The language tag for Intl. */
  readonly tag: string
  readonly seconds: (count: string) => string
  readonly minutes: (minutes: string, seconds: string) => string
}

/**
 * Formats a duration: `0.4 s`, `12 s`, `2 min 5 s`. If `isExact`, a duration below ten seconds has
 * tenths.
 */
export function formatSeconds(ms: number, words: Words, isExact = true): string {
  const seconds = Math.max(0, ms) / 1000
  const whole = Math.floor(seconds)
  if (seconds >= 60) return words.minutes(String(Math.floor(seconds / 60)), String(whole % 60))
  if (!isExact) return words.seconds(String(whole))
  return words.seconds(seconds < 9.95 ? toDecimal(seconds, words, 1) : String(Math.min(59, Math.round(seconds))))
}

/** Formats a number: `1,234`. Only a number below ten has tenths. */
export function formatNumber(value: number, { tag }: Pick<Words, 'tag'>): string {
  return value.toLocaleString(tag, { maximumFractionDigits: value < 10 ? 1 : 0 })
}

/** Formats a size in decimal units, as Ollama's own list does: `3.3 GB`. */
export function formatSize(bytes: number, { tag }: Pick<Words, 'tag'>): string {
  const units = ['kilobyte', 'megabyte', 'gigabyte'] as const
  const power = Math.min(2, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3) - 1))
  const value = bytes / 1000 ** (power + 1)
  return value.toLocaleString(tag, { style: 'unit', unit: units[power]!, maximumFractionDigits: value < 10 ? 1 : 0 })
}

function toDecimal(value: number, { tag }: Pick<Words, 'tag'>, digits: number): string {
  return value.toLocaleString(tag, { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
