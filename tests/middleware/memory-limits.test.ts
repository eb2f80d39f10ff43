import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Limits } from '../../src/middleware/limits.ts'
import { createMemoryLimits } from '../../src/middleware/memory-limits.ts'
import { limitsContract } from '../contracts/limits.ts'

function create() {
  let now = 0
  return { limits: createMemoryLimits({ now: () => now }), pass: (ms: number) => void (now += ms) }
}

limitsContract('in memory', { create })

describe('limits in memory', () => {
  const ask = async (limits: Limits, perMinute: number, who = 'a') => {
    const { refusedBy, left } = await limits.reserve(who, { requests: 1 }, { perMinute, streams: 2 })
    return { isAllowed: refusedBy === undefined, ...left.requests }
  }

  test('fill up again by one a second', async () => {
    const { limits, pass } = create()
    for (let i = 0; i < 60; i++) await ask(limits, 60)
    for (let i = 0; i < 1000; i++) expect(await ask(limits, 60)).toMatchObject({ isAllowed: false, retryAfterSeconds: 1 })
    pass(10_000)
    for (let i = 0; i < 10; i++) expect(await ask(limits, 60)).toMatchObject({ isAllowed: true })
    expect(await ask(limits, 60)).toMatchObject({ isAllowed: false, retryAfterSeconds: 1 })
  })

  test('report the remaining requests, and when the next one is allowed', async () => {
    const { limits } = create()
    const answers = []
    for (let i = 0; i < 4; i++) answers.push(await ask(limits, 3))
    expect(answers).toEqual([
      { isAllowed: true, remaining: 2, retryAfterSeconds: 0 },
      { isAllowed: true, remaining: 1, retryAfterSeconds: 0 },
      { isAllowed: true, remaining: 0, retryAfterSeconds: 20 },
      { isAllowed: false, remaining: 0, retryAfterSeconds: 20 },
    ])
  })

  test('forget clients that stay away: a million addresses do not stay in memory', async () => {
    const { limits, pass } = create()
    await ask(limits, 60, 'first')
    const open = await limits.reserve('open', { answers: 1 }, { perMinute: 0, streams: 1 })
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => (collect(), process.memoryUsage().heapUsed)
    const before = used()
    for (let i = 0; i < 1_000_000; i++) {
      await ask(limits, 60, `address ${i}`)
      if (i % 10_000 === 0) pass(60_000)
    }
    expect((used() - before) / 1e6).toBeLessThan(20)
    expect((await ask(limits, 60, 'first')).remaining).toBe(59)
    // A caller with an open answer is not forgotten.
    expect((await limits.reserve('open', { answers: 1 }, { perMinute: 0, streams: 1 })).refusedBy).toBe('answers')
    open.settle()
  })
})
