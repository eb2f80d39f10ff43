export interface CachedOptions<T> {
  ttlMs: number
  now: () => number
  load(signal: AbortSignal): Promise<T>
}

/** A refresh that is not back after this time has died with its request (workerd), and the next one tries. */
const refreshMs = 5000

/**
 * A value that is loaded when it is asked for, and kept for a while. Once it is old, one caller refreshes it while the others use the old one.
 * Only results are shared between requests, never promises: on workerd one may hang for ever when its own request leaves (hazard 40).
 */
export function createCached<T>({ ttlMs, now, load }: CachedOptions<T>): (signal: AbortSignal) => Promise<T> {
  let kept: { value: T; at: number } | undefined
  let refreshingSince = -Infinity

  return async (signal) => {
    const asked = now()
    if (kept && (asked - kept.at < ttlMs || asked - refreshingSince < refreshMs)) return kept.value
    refreshingSince = asked
    try {
      const value = await load(signal)
      kept = { value, at: now() }
      return value
    } finally {
      refreshingSince = -Infinity
    }
  }
}
