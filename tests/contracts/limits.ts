import { describe, expect, test } from 'vitest'
import type { Cost, Limits, Verdict } from '../../src/middleware/limits.ts'

export interface LimitsContract {
  /** Creates limits that have counted nothing. `pass` moves their clock forward. */
  create(): { limits: Limits; pass(ms: number): void | Promise<void> }
}

/** So small that next to nothing comes back while a test runs by a real clock. */
export const quota = { perMinute: 6, streams: 2, tokensPerMinute: 1000, tokensPerDay: 10_000 }

/**
 * The rules that every implementation of `Limits` must keep (src/middleware/limits.ts), whether it
 * uses token buckets or fixed periods.
 */
export function limitsContract(name: string, { create }: LimitsContract) {
  describe(`the contract of limits: ${name}`, () => {
    const request: Cost = { requests: 1 }
    const answer: Cost = { answers: 1 }
    const ask = async (limits: Limits, who: string, cost = request, count = 1) => {
      const verdicts: Verdict[] = []
      for (let i = 0; i < count; i++) verdicts.push(await limits.reserve(who, cost, quota))
      return verdicts
    }
    const toAllowed = (verdicts: Verdict[]) => verdicts.filter(({ refusedBy }) => refusedBy === undefined)
    const takeAll = async (limits: Limits, who: string, count: number) =>
      toAllowed(await ask(limits, who, request, count)).length
    const reserve = async (limits: Limits, cost: Cost) => (await ask(limits, 'a', cost))[0]!

    test('one minute’s requests are allowed at once, and no more', async () => {
      const { limits } = create()
      expect(await takeAll(limits, 'a', 20)).toBe(6)
    })

    test('after a pause requests are allowed again, but never more than one minute’s', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 20)
      await pass(3_600_000)
      expect(await takeAll(limits, 'a', 20)).toBe(6)
    })

    test('a refusal has a Retry-After, and a request after that time is allowed', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 6)
      const { refusedBy, left } = await reserve(limits, request)
      expect(refusedBy).toBe('requests')
      const { retryAfterSeconds } = left.requests!
      expect(retryAfterSeconds).toBeGreaterThan(0)
      expect(retryAfterSeconds).toBeLessThanOrEqual(60)
      await pass(retryAfterSeconds * 1000)
      expect(await takeAll(limits, 'a', 1)).toBe(1)
    })

    test('an allowed request has a Retry-After of 0', async () => {
      const { refusedBy, left } = await reserve(create().limits, request)
      expect(refusedBy).toBeUndefined()
      expect(left.requests).toMatchObject({ retryAfterSeconds: 0 })
    })

    test('refused requests do not count against the limit', async () => {
      const { limits, pass } = create()
      await takeAll(limits, 'a', 6)
      const { left } = await reserve(limits, request)
      await takeAll(limits, 'a', 300)
      await pass(left.requests!.retryAfterSeconds * 1000)
      expect(await takeAll(limits, 'a', 1)).toBe(1)
    })

    test('one caller does not use up the requests of another', async () => {
      const { limits } = create()
      await takeAll(limits, 'a', 20)
      expect(await takeAll(limits, 'b', 20)).toBe(6)
    })

    test('each caller has a fixed number of places, and settling one twice frees only one', async () => {
      const { limits } = create()
      const [first, , third] = await ask(limits, 'a', answer, 3)
      expect(third).toMatchObject({ refusedBy: 'answers', left: { answers: { remaining: 0, retryAfterSeconds: 5 } } })
      expect((await ask(limits, 'b', answer))[0]!.refusedBy).toBeUndefined()
      first!.settle()
      first!.settle()
      third!.settle()
      expect(toAllowed(await ask(limits, 'a', answer, 2))).toHaveLength(1)
    })

    test('a place does not come back before its answer is over, however long that takes', async () => {
      const { limits, pass } = create()
      // A request in between must not make the limits forget the places.
      const verdicts = await ask(limits, 'a', answer, 2)
      await pass(4000)
      await takeAll(limits, 'a', 1)
      expect((await reserve(limits, answer)).refusedBy).toBe('answers')
      for (const { settle } of verdicts) settle()
      expect(toAllowed(await ask(limits, 'a', answer, 3))).toHaveLength(2)
    })

    test('a reservation takes all or nothing: a refusal by one limit costs nothing of the others', async () => {
      const { limits } = create()
      const all: Cost = { requests: 1, answers: 1, tokens: 100 }
      const [first] = await ask(limits, 'a', all, 2)
      for (const { refusedBy } of await ask(limits, 'a', all, 30)) expect(refusedBy).toBe('answers')
      first!.settle(100)
      expect(await takeAll(limits, 'a', 20)).toBe(4)
      for (const { refusedBy } of await ask(limits, 'a', all, 10)) expect(refusedBy).toBeDefined()
      // The refusals have taken neither the free place nor any of the other 800 tokens.
      const { refusedBy, left } = await reserve(limits, { answers: 1, tokens: 700 })
      expect(refusedBy).toBeUndefined()
      expect(left.answers).toMatchObject({ remaining: 0 })
      expect(left.tokensPerMinute!.remaining).toBeGreaterThanOrEqual(100)
      expect(left.tokensPerMinute!.remaining).toBeLessThan(200)
    })

    test('a limit of 0 refuses nobody', async () => {
      const { limits } = create()
      const off = { perMinute: 0, streams: 0 }
      for (let i = 0; i < 200; i++) {
        const { refusedBy } = await limits.reserve('a', { requests: 1, answers: 1, tokens: 1e9 }, off)
        expect(refusedBy).toBeUndefined()
      }
    })

    test('settling with fewer tokens than reserved gives the others back', async () => {
      const { limits } = create()
      const verdict = await reserve(limits, { tokens: 1100 })
      expect(verdict.left.tokensPerMinute).toMatchObject({ remaining: 0 })
      expect((await reserve(limits, { tokens: 1 })).refusedBy).toBe('tokensPerMinute')
      verdict.settle(300)
      verdict.settle(0)
      const { left } = await reserve(limits, { tokens: 500 })
      expect(left.tokensPerMinute!.remaining).toBeGreaterThanOrEqual(200)
      expect(left.tokensPerMinute!.remaining).toBeLessThan(300)
    })

    test('settling with more tokens than reserved counts them all', async () => {
      const { limits } = create()
      const verdict = await reserve(limits, { tokens: 100 })
      verdict.settle(2000)
      const { refusedBy, left } = await reserve(limits, { tokens: 1 })
      expect(refusedBy).toBe('tokensPerMinute')
      // 2000 of 1000 are used, so it takes a minute until one is left.
      expect(left.tokensPerMinute!.remaining).toBe(0)
      expect(left.tokensPerMinute!.retryAfterSeconds).toBeGreaterThan(55)
      expect(left.tokensPerMinute!.retryAfterSeconds).toBeLessThanOrEqual(61)
    })

    test('what has come back during an answer is not given back again at its end', async () => {
      const { limits, pass } = create()
      const long = await reserve(limits, { tokens: 1100 })
      await pass(90_000)
      const next = await reserve(limits, { tokens: 1100 })
      expect(next.refusedBy).toBeUndefined()
      long.settle(10)
      expect((await reserve(limits, { tokens: 1 })).refusedBy).toBe('tokensPerMinute')
      next.settle(10)
      const { refusedBy, left } = await reserve(limits, { tokens: 1 })
      expect(refusedBy).toBeUndefined()
      expect(left.tokensPerMinute!.remaining).toBeGreaterThan(950)
    })

    test('settling without a number counts what was reserved', async () => {
      const { limits } = create()
      const verdict = await reserve(limits, { answers: 1, tokens: 1100 })
      verdict.settle()
      expect((await reserve(limits, { answers: 1, tokens: 1 })).refusedBy).toBe('tokensPerMinute')
    })

    test('the budget of a day holds, and a refusal names the limit with the longest wait', async () => {
      const { limits, pass } = create()
      for (let i = 0; i < 10; i++) {
        const { refusedBy, settle } = await reserve(limits, { tokens: 1000 })
        expect(refusedBy).toBeUndefined()
        settle(1000)
        await pass(60_000)
      }
      await reserve(limits, { tokens: 1100 })
      const { refusedBy, left } = await reserve(limits, { tokens: 1 })
      expect(refusedBy).toBe('tokensPerDay')
      expect(left.tokensPerMinute!.retryAfterSeconds).toBeGreaterThan(0)
      expect(left.tokensPerDay!.retryAfterSeconds).toBeGreaterThan(left.tokensPerMinute!.retryAfterSeconds)
      await pass(left.tokensPerDay!.retryAfterSeconds * 1000)
      expect((await reserve(limits, { tokens: 1 })).refusedBy).toBeUndefined()
    })

    test('100 requests at once pass no limit, and a budget by less than one reservation', async () => {
      const { limits } = create()
      const at = async (who: string, cost: Cost) =>
        toAllowed(await Promise.all(Array.from({ length: 100 }, async () => limits.reserve(who, cost, quota)))).length
      expect(await at('a', request)).toBe(6)
      expect(await at('b', answer)).toBe(2)
      expect(await at('c', { tokens: 300 })).toBe(4)
      expect(await at('d', { requests: 1, tokens: 5000 })).toBe(1)
    })

    const texts = [
      '',
      ' ',
      'a b',
      '{a}',
      '{',
      '}',
      '{}a',
      'a:b',
      'a\nb',
      'a\0b',
      '*',
      '"',
      '\u{1f600}',
      '\ud800',
      'x'.repeat(100_000),
    ]
    test.each(texts.map((who) => ({ who, text: JSON.stringify(who).slice(0, 20) })))(
      'a caller with any text is one caller of its own: $text',
      async ({ who }) => {
        const { limits } = create()
        expect(await takeAll(limits, who, 7)).toBe(6)
        for (const other of [`${who} `, `{${who}}`, `${who}:a`, `a${who}`]) expect(await takeAll(limits, other, 1)).toBe(1)
        const verdict = (await ask(limits, who, answer, 2))[0]!
        verdict.settle()
        expect(toAllowed(await ask(limits, who, answer, 2))).toHaveLength(1)
      },
    )
  })
}
