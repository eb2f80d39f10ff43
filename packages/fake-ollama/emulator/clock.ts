/** Nanoseconds since 1970 as Go's RFC 3339: up to nine digits after the second, trailing zeros dropped. */
export function toGoTime(ns: bigint): string {
  const second = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19)
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return `${second}${fraction && `.${fraction}`}Z`
}

/** Tells the time as Ollama's `created_at` does. JavaScript knows milliseconds, so the digits below them are made up; time never goes back. */
export function createClock(): () => string {
  let last = 0n
  return () => {
    const now = BigInt(Date.now()) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000))
    last = now > last ? now : last + 7_919n
    return toGoTime(last)
  }
}

/** Milliseconds since `startMs` of `performance.now()`, as the nanoseconds of a Go duration: whole, and never 0, which Go would leave out. */
export function toNanoseconds(startMs: number, endMs = performance.now()): number {
  return Math.round((endMs - startMs) * 1e6) + 1 + Math.floor(Math.random() * 1000)
}
