/** Checks fields of untrusted JSON. Each `to…` function returns a valid value or undefined. */

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function toText(value: unknown, maxLength = Infinity): string | undefined {
  return typeof value === 'string' && value.length <= maxLength ? value : undefined
}

export function toBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** Rejects negative numbers, and also Infinity, which `JSON.parse` returns for `1e999`. */
export function toAmount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value < Infinity ? value : undefined
}

/**
 * Rejects the names of `Object.prototype`, such as `constructor`, because every object inherits
 * properties with these names.
 */
export function toId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) && !(value in {}) ? value : undefined
}

/**
 * Returns milliseconds since 1970, at most `now`, because a time in the future would win every
 * merge.
 */
export function toTime(value: unknown, now: number): number | undefined {
  const time = toAmount(value)
  return time === undefined ? undefined : Math.min(time, now)
}
