import type { Limits } from './limits.ts'

export interface MemoryLimitsOptions {
  /**
   * Requests a minute of one key or address; 0 = no limit. After a rest, that many requests may
   * come at once.
   */
  perMinute: number
  /** Answers at a time of one key or address; 0 = no limit. */
  streams: number
  /** Milliseconds of a monotonic clock. */
  now: () => number
}

/**
 * When there are this many buckets, the full ones are forgotten, because a full bucket is the same
 * as none. So the memory depends only on the number of callers in a minute.
 */
const sweepSize = 10_000

/** Keeps a token bucket and a counter for each caller, in this process. */
export function createMemoryLimits({ perMinute, streams, now }: MemoryLimitsOptions): Limits {
  const perMs = perMinute / 60_000
  const buckets = new Map<string, { level: number; at: number }>()
  const open = new Map<string, number>()
  let sweepAt = sweepSize

  const levelOf = (bucket: { level: number; at: number }, at: number) =>
    Math.min(perMinute, bucket.level + (at - bucket.at) * perMs)

  function sweep(at: number) {
    for (const [who, bucket] of buckets) if (levelOf(bucket, at) >= perMinute) buckets.delete(who)
    sweepAt = Math.max(sweepSize, 2 * buckets.size)
  }

  return {
    take(who) {
      if (perMinute === 0) return { isAllowed: true, remaining: undefined, retryAfterSeconds: 0 }
      const at = now()
      const bucket = buckets.get(who) ?? { level: perMinute, at }
      const level = levelOf(bucket, at)
      const isAllowed = level >= 1
      const left = isAllowed ? level - 1 : level
      buckets.set(who, { level: left, at })
      if (buckets.size >= sweepAt) sweep(at)
      return {
        isAllowed,
        remaining: Math.floor(left),
        retryAfterSeconds: left >= 1 ? 0 : Math.ceil((1 - left) / perMs / 1000),
      }
    },
    enter(who) {
      if (streams === 0) return () => {}
      const count = open.get(who) ?? 0
      if (count >= streams) return undefined
      open.set(who, count + 1)
      let isIn = true
      return () => {
        if (!isIn) return
        isIn = false
        const left = (open.get(who) ?? 1) - 1
        if (left > 0) open.set(who, left)
        else open.delete(who)
      }
    },
  }
}
