import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { createMemoryLimits } from '../../src/middleware/memory-limits.ts'
import { limitsContract } from '../contracts/limits.ts'

function create({ perMinute = 60, streams = 2 } = {}) {
  let now = 0
  return { limits: createMemoryLimits({ perMinute, streams, now: () => now }), pass: (ms: number) => (now += ms) }
}

limitsContract('in memory', { create })

describe('limits in memory', () => {
  test('that are off refuse nobody', async () => {
    const { limits } = create({ perMinute: 0, streams: 0 })
    for (let i = 0; i < 1000; i++) {
      expect((await limits.consume('a')).isAllowed).toBe(true)
      expect(await limits.enter('a')).toBeDefined()
    }
  })

  test('fill up again by one a second', async () => {
    const { limits, pass } = create()
    for (let i = 0; i < 60; i++) await limits.consume('a')
    for (let i = 0; i < 1000; i++) expect(await limits.consume('a')).toMatchObject({ isAllowed: false, retryAfterSeconds: 1 })
    pass(10_000)
    for (let i = 0; i < 10; i++) expect((await limits.consume('a')).isAllowed).toBe(true)
    expect(await limits.consume('a')).toMatchObject({ isAllowed: false, retryAfterSeconds: 1 })
  })

  test('report the remaining requests', async () => {
    const { limits } = create({ perMinute: 3 })
    const remaining = []
    for (let i = 0; i < 4; i++) remaining.push((await limits.consume('a')).remaining)
    expect(remaining).toEqual([2, 1, 0, 0])
  })

  test('forget clients that stay away: a million addresses do not stay in memory', async () => {
    const { limits, pass } = create()
    await limits.consume('first')
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => (collect(), process.memoryUsage().heapUsed)
    const before = used()
    for (let i = 0; i < 1_000_000; i++) {
      await limits.consume(`address ${i}`)
      if (i % 10_000 === 0) pass(60_000)
    }
    expect((used() - before) / 1e6).toBeLessThan(20)
    expect((await limits.consume('first')).remaining).toBe(59)
  })
})
