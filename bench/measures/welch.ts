/**
 * Returns Welch's |t| of two samples of times. If it is above 4.5, the samples differ (ISO/IEC
 * 17825, dudect). The slowest twentieth of all times is dropped, because the machine causes those
 * delays, not the measured code.
 */
export function toWelchT(a: readonly number[], b: readonly number[]): number {
  const all = [...a, ...b].toSorted((x, y) => x - y)
  const limit = all[Math.floor(all.length * 0.95)]!
  const stats = (of: readonly number[]) => {
    const kept = of.filter((x) => x <= limit)
    const mean = kept.reduce((sum, x) => sum + x, 0) / kept.length
    const variance = kept.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (kept.length - 1)
    return { mean, error: variance / kept.length }
  }
  const [first, second] = [stats(a), stats(b)]
  return Math.abs(first.mean - second.mean) / Math.sqrt(first.error + second.error)
}
