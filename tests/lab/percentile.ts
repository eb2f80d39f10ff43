/**
 * Returns the value below which `percent` of the values lie (nearest rank), or NaN if there are
 * none. `percentile(values, 50)` is the median.
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN
}
