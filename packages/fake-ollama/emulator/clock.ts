/**
 * Formats nanoseconds since 1970 as Go's RFC 3339: up to nine digits after the second, without
 * trailing zeros.
 */
export function toGoTime(ns: bigint): string {
  const second = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19)
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return `${second}${fraction && `.${fraction}`}Z`
}

/**
 * Creates a clock whose times look like Ollama's `created_at`. JavaScript's clock has only
 * milliseconds, so the further digits are random. The clock never goes back.
 */
export function createClock(): () => string {
  let last = 0n
  return () => {
    const now = BigInt(Date.now()) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000))
    last = now > last ? now : last + 7_919n
    return toGoTime(last)
  }
}

/**
 * Returns the time between two values of `performance.now()` as the nanoseconds of a Go duration.
 * The result is a whole number and never 0, because Go leaves out fields that are 0.
 */
export function toNanoseconds(startMs: number, endMs = performance.now()): number {
  return Math.round((endMs - startMs) * 1e6) + 1 + Math.floor(Math.random() * 1000)
}
