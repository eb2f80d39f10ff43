import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRetryBudget } from '../../src/pool/retry-budget.ts'

test('a retry budget is a hundred in ten seconds, whatever comes', () => {
  const budget = createRetryBudget()
  for (let i = 0; i < 100; i++) expect(budget.take(5000)).toBe(true)
  expect(budget.take(14_999)).toBe(false)
  expect(budget.take(15_000)).toBe(true)
})

test('a retry budget is a fifth of many requests', () => {
  const budget = createRetryBudget()
  for (let i = 0; i < 1000; i++) budget.add(i)
  for (let i = 0; i < 200; i++) expect(budget.take(1000)).toBe(true)
  expect(budget.take(1000)).toBe(false)
})

test('a retry budget agrees with one that remembers all, to the second', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(3000), fc.integer({ min: 1, max: 80 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = createRetryBudget()
      const past: { second: number; isRetry: boolean }[] = []
      let now = 0
      for (const [isRetry, ms, count] of steps) {
        now += ms
        const second = Math.floor(now / 1000)
        for (let i = 0; i < count; i++) {
          const recent = past.filter((one) => one.second > second - 10)
          const retries = recent.filter((one) => one.isRetry).length
          const isAllowed = retries < Math.max(100, 0.2 * (recent.length - retries))
          if (isRetry) expect(budget.take(now)).toBe(isAllowed)
          else budget.add(now)
          if (!isRetry || isAllowed) past.push({ second, isRetry })
        }
      }
    }),
    { numRuns: 100 },
  )
})
