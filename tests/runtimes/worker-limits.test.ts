import { describe, expect, test } from 'vitest'
import { createMemoryLimits } from '../../src/middleware/memory-limits.ts'
import { createBoundLimits, isRateLimiter } from '../../src/runtimes/worker/bound-limits.ts'
import { limitsContract, quota } from '../contracts/limits.ts'

/**
 * Creates limits that use a fake of Cloudflare's rate limiter binding. The fake allows 6
 * requests for each key in each minute of the clock.
 */
function create() {
  let now = 0
  const counts = new Map<string, number>()
  const limiter = {
    async limit({ key }: { key: string }) {
      const period = `${key} ${Math.floor(now / 60_000)}`
      const count = (counts.get(period) ?? 0) + 1
      counts.set(period, count)
      return { success: count <= quota.perMinute }
    },
  }
  const memory = createMemoryLimits({ now: () => now })
  return {
    limits: createBoundLimits({ limiter, limits: memory, perMinute: quota.perMinute }),
    pass: (ms: number) => void (now += ms),
  }
}

limitsContract('behind a rate limiter’s binding', { create })

describe('limits behind a rate limiter’s binding', () => {
  test('do not report what remains, and a refusal has the period as Retry-After', async () => {
    const { limits } = create()
    const ask = () => limits.reserve('a', { requests: 1 }, quota)
    const allowed = { refusedBy: undefined, left: { requests: { remaining: undefined, retryAfterSeconds: 0 } } }
    const refused = { refusedBy: 'requests', left: { requests: { remaining: undefined, retryAfterSeconds: 60 } } }
    for (let i = 0; i < quota.perMinute; i++) expect(await ask()).toMatchObject(allowed)
    for (let i = 0; i < 3; i++) expect(await ask()).toMatchObject(refused)
  })

  test('count another limit than that of the binding themselves, which is that of a key', async () => {
    const { limits } = create()
    const ask = () => limits.reserve('a', { requests: 1 }, { ...quota, perMinute: 1 })
    expect(await ask()).toMatchObject({ refusedBy: undefined, left: { requests: { remaining: 0 } } })
    expect(await ask()).toMatchObject({ refusedBy: 'requests' })
    expect(await limits.reserve('a', { requests: 1 }, quota)).toMatchObject({ left: { requests: { remaining: undefined } } })
  })

  test('do not call the binding if there is no limit of requests', async () => {
    const { limits } = create()
    for (let i = 0; i < 100; i++)
      expect(await limits.reserve('a', { requests: 1 }, { ...quota, perMinute: 0 })).toMatchObject({ refusedBy: undefined })
  })

  test.each([undefined, null, 'x', 5, {}, { limit: 5 }])('%j is not a rate limiter’s binding', (value) => {
    expect(isRateLimiter(value)).toBe(false)
  })
})
