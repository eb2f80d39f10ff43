import type { Limits } from '../../middleware/limits.ts'

/** Cloudflare's rate limiting binding: https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/ */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

export function isRateLimiter(value: unknown): value is RateLimiter {
  return typeof value === 'object' && value !== null && 'limit' in value && typeof value.limit === 'function'
}

/**
 * Requests are counted by the binding, answers at a time by this isolate. The binding does not tell what remains, nor when to come back: its
 * period is a minute, as SLUICE_RATE_PER_MINUTE says it (docs/deploy.md §6).
 */
export function createBoundLimits({ limiter, memory }: { limiter: RateLimiter; memory: Limits }): Limits {
  return {
    async take(who) {
      const { success } = await limiter.limit({ key: who })
      return { isAllowed: success, remaining: undefined, retryAfterSeconds: success ? 0 : 60 }
    },
    enter: memory.enter,
  }
}
