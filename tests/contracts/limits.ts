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

    test('a minute’s requests may come at once, and no more', async () => {
      const { limits } = create()
      expect(await takeAll(limits, 'a', 100)).toBe(60)
    })

    test('after a rest there are more, but never more than a minute’s', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 100)
      pass(3_600_000)
      expect(await takeAll(limits, 'a', 100)).toBe(60)
    })

    test('who is refused is told when to come back, and then may', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 60)
      const refused = await limits.consume('a')
      expect(refused.isAllowed).toBe(false)
      expect(refused.retryAfterSeconds).toBeGreaterThan(0)
      expect(refused.retryAfterSeconds).toBeLessThanOrEqual(60)
      pass(refused.retryAfterSeconds * 1000)
      expect(await limits.consume('a')).toMatchObject({ isAllowed: true })
    })

    test('who may is not told to wait', async () => {
      expect(await create().limits.consume('a')).toMatchObject({ isAllowed: true, retryAfterSeconds: 0 })
    })

    test('a refusal costs nothing', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 60)
      const { retryAfterSeconds } = await limits.consume('a')
      await takeAll(limits, 'a', 1000)
      pass(retryAfterSeconds * 1000)
      expect(await takeAll(limits, 'a', 1)).toBe(1)
    })

    test('one does not use up another’s', async () => {
      const { limits } = create()
      await takeAll(limits, 'a', 100)
      expect(await takeAll(limits, 'b', 100)).toBe(60)
    })

    test('there are so many places at a time, each given up once', async () => {
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
