import type { Limits } from '../../middleware/limits.ts'

/**
 * Cloudflare's rate limiting binding:
 * https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
 */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

export function isRateLimiter(value: unknown): value is RateLimiter {
  return typeof value === 'object' && value !== null && 'limit' in value && typeof value.limit === 'function'
}

export interface BoundLimitsOptions {
  limiter: RateLimiter
  limits: Limits
  /** The limit that the binding has, which is SLUICE_RATE_PER_MINUTE. `limits` counts any other. */
  perMinute: number
}

/**
 * The binding limits the requests of a caller. `limits` limits everything else. The binding does
 * not report how many requests remain or when to retry. Its period must be a minute, because
 * SLUICE_RATE_PER_MINUTE counts requests in a minute (docs/deploy.md#6-workers-with-a-tunnel).
 */
export function createBoundLimits({ limiter, limits, perMinute }: BoundLimitsOptions): Limits {
  return {
    async reserve(who, { requests, ...cost }, quota) {
      if (quota.perMinute !== perMinute) return limits.reserve(who, { ...(requests && { requests }), ...cost }, quota)
      const verdict = await limits.reserve(who, cost, quota)
      if (verdict.refusedBy || !requests || quota.perMinute === 0) return verdict
      const { success } = await limiter.limit({ key: who })
      const left = { ...verdict.left, requests: { remaining: undefined, retryAfterSeconds: success ? 0 : 60 } }
      if (success) return { ...verdict, left }
      verdict.settle(0)
      return { refusedBy: 'requests', left, settle() {} }
    },
  }
}
