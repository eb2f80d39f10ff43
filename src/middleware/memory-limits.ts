import type { Limits } from './limits.ts'

export interface MemoryLimitsOptions {
  /**
   * How many requests a caller may send in a minute. 0 means no limit. A caller that was idle for a
   * minute may send all these requests at once.
   */
  perMinute: number
  /** How many answers a caller may receive at a time. 0 means no limit. */
  streams: number
  /** Returns the time of a monotonic clock in milliseconds. */
  now: () => number
}

/**
 * When there are this many buckets, the full buckets are deleted to save memory. A missing bucket
 * counts as full, so no caller loses or gains requests. A bucket is full at the latest one minute
 * after the last request of its caller.
 */
const sweepSize = 10_000

/** Keeps a token bucket and a counter for each caller, in this process. */
export function createMemoryLimits({ perMinute, streams, now }: MemoryLimitsOptions): Limits {
  const perMs = perMinute / 60_000
  const buckets = new Map<string, { level: number; updatedAt: number }>()
  const open = new Map<string, number>()
  let sweepAt = sweepSize

  const levelOf = (bucket: { level: number; updatedAt: number }, time: number) =>
    Math.min(perMinute, bucket.level + (time - bucket.updatedAt) * perMs)

  function sweep(time: number) {
    for (const [caller, bucket] of buckets) if (levelOf(bucket, time) >= perMinute) buckets.delete(caller)
    sweepAt = Math.max(sweepSize, 2 * buckets.size)
  }

  return {
    consume(caller) {
      if (perMinute === 0) return { isAllowed: true, remaining: undefined, retryAfterSeconds: 0 }
      const time = now()
      const bucket = buckets.get(caller) ?? { level: perMinute, updatedAt: time }
      const level = levelOf(bucket, time)
      const isAllowed = level >= 1
      const remaining = isAllowed ? level - 1 : level
      buckets.set(caller, { level: remaining, updatedAt: time })
      if (buckets.size >= sweepAt) sweep(time)
      return {
        isAllowed,
        remaining: Math.floor(remaining),
        retryAfterSeconds: remaining >= 1 ? 0 : Math.ceil((1 - remaining) / perMs / 1000),
      }
    },
    enter(caller) {
      if (streams === 0) return () => {}
      const count = open.get(caller) ?? 0
      if (count >= streams) return undefined
      open.set(caller, count + 1)
      let isEntered = true
      return () => {
        if (!isEntered) return
        isEntered = false
        const remaining = (open.get(caller) ?? 1) - 1
        if (remaining > 0) open.set(caller, remaining)
        else open.delete(caller)
      }
    },
  }
}
