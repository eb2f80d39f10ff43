import { describe, expect, test } from 'vitest'
import type { Limits } from '../../src/middleware/limits.ts'

export interface LimitsContract {
  /**
   * Creates limits of 60 requests a minute and two answers at a time. `pass` moves the clock of the
   * limits forward.
   */
  create(): { limits: Limits; pass(ms: number): void }
}

/**
 * The rules that every implementation of `Limits` must keep (src/middleware/limits.ts), whether it
 * uses token buckets or fixed periods.
 */
export function limitsContract(name: string, { create }: LimitsContract) {
  describe(`the contract of limits: ${name}`, () => {
    const takeAll = async (limits: Limits, who: string, count: number) => {
      let allowed = 0
      for (let i = 0; i < count; i++) if ((await limits.consume(who)).isAllowed) allowed++
      return allowed
    }

    test('one minute’s requests are allowed at once, and no more', async () => {
      const { limits } = create()
      expect(await takeAll(limits, 'a', 100)).toBe(60)
    })

    test('after a pause requests are allowed again, but never more than one minute’s', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 100)
      pass(3_600_000)
      expect(await takeAll(limits, 'a', 100)).toBe(60)
    })

    test('a refusal has a Retry-After, and a request after that time is allowed', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 60)
      const refused = await limits.consume('a')
      expect(refused.isAllowed).toBe(false)
      expect(refused.retryAfterSeconds).toBeGreaterThan(0)
      expect(refused.retryAfterSeconds).toBeLessThanOrEqual(60)
      pass(refused.retryAfterSeconds * 1000)
      expect(await limits.consume('a')).toMatchObject({ isAllowed: true })
    })

    test('an allowed request has a Retry-After of 0', async () => {
      expect(await create().limits.consume('a')).toMatchObject({ isAllowed: true, retryAfterSeconds: 0 })
    })

    test('refused requests do not count against the limit', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 60)
      const { retryAfterSeconds } = await limits.consume('a')
      await takeAll(limits, 'a', 1000)
      pass(retryAfterSeconds * 1000)
      expect(await takeAll(limits, 'a', 1)).toBe(1)
    })

    test('one principal does not use up the requests of another', async () => {
      const { limits } = create()
      await takeAll(limits, 'a', 100)
      expect(await takeAll(limits, 'b', 100)).toBe(60)
    })

    test('each principal has a fixed number of places, and releasing one twice frees only one', async () => {
      const { limits } = create()
      const leave = await limits.enter('a')
      expect(leave).toBeDefined()
      expect(await limits.enter('a')).toBeDefined()
      expect(await limits.enter('a')).toBeUndefined()
      expect(await limits.enter('b')).toBeDefined()
      leave!()
      leave!()
      expect(await limits.enter('a')).toBeDefined()
      expect(await limits.enter('a')).toBeUndefined()
    })
  })
}
