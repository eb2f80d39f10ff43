import { describe, expect, test } from 'vitest'
import { createMemoryLimits } from '../../src/middleware/memory-limits.ts'
import { createBoundLimits, isRateLimiter } from '../../src/runtimes/worker/bound-limits.ts'

/** A binding as Cloudflare's is: so many in a period, each key by itself. */
function create() {
  const counts = new Map<string, number>()
  const limiter = {
    async limit({ key }: { key: string }) {
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      return { success: count <= 60 }
    },
  }
  const memory = createMemoryLimits({ perMinute: 0, streams: 2, now: () => 0 })
  return { limits: createBoundLimits({ limiter, memory }), endPeriod: () => counts.clear() }
}

// Of the contract (tests/contracts/limits.ts) what a binding that counts by periods can promise.
describe('limits behind a rate limiter’s binding', () => {
  test('requests are its own to count, each key’s by themselves; a refusal says when to come back', async () => {
    const { limits, endPeriod } = create()
    const allowed = { isAllowed: true, remaining: undefined, retryAfterSeconds: 0 }
    const refused = { isAllowed: false, remaining: undefined, retryAfterSeconds: 60 }
    for (let i = 0; i < 60; i++) expect(await limits.take('a')).toEqual(allowed)
    for (let i = 0; i < 3; i++) expect(await limits.take('a')).toEqual(refused)
    expect(await limits.take('b')).toEqual(allowed)
    endPeriod()
    expect(await limits.take('a')).toEqual(allowed)
  })

  test('answers at a time are counted here', async () => {
    const { limits } = create()
    const leave = await limits.enter('a')
    expect(await limits.enter('a')).toBeDefined()
    expect(await limits.enter('a')).toBeUndefined()
    leave!()
    leave!()
    expect(await limits.enter('a')).toBeDefined()
    expect(await limits.enter('a')).toBeUndefined()
  })

  test.each([undefined, null, 'x', 5, {}, { limit: 5 }])('%j is no such binding', (value) => {
    expect(isRateLimiter(value)).toBe(false)
  })
})
