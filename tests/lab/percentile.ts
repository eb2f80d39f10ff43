/**
 * Returns the percentile of the values by the nearest-rank method, or NaN if there are no values.
 * `percentile(values, 50)` is the median.
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN
}
