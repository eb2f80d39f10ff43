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

/**
 * The binding limits the requests of a caller. `memory` limits the answers that a caller receives
 * at a time, for this isolate only. The binding does not report how many requests remain or when to
 * retry. Its period must be a minute, because SLUICE_RATE_PER_MINUTE counts requests in a minute
 * (docs/deploy.md#6-workers-with-a-tunnel).
 */
export function createBoundLimits({ limiter, memory }: { limiter: RateLimiter; memory: Limits }): Limits {
  return {
    async consume(caller) {
      const { success } = await limiter.limit({ key: caller })
      return { isAllowed: success, remaining: undefined, retryAfterSeconds: success ? 0 : 60 }
    },
    enter: memory.enter,
  }
}
