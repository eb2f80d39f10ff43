import { expect, test } from 'vitest'
import { createJitter } from '../../src/relay/jitter.ts'

test('intervals are spread evenly over their last tenth, however many streams there are', () => {
  const spread = createJitter()
  const perPart = Array.from({ length: 10 }, () => 0)
  for (let stream = 0; stream < 1_000; stream++) {
    const ms = spread(5_000)
    expect(ms).toBeGreaterThan(4_500)
    expect(ms).toBeLessThanOrEqual(5_000)
    perPart[Math.floor((5_000 - ms) / 50)]!++
  }
  for (const streams of perPart) expect(Math.abs(streams - 100)).toBeLessThanOrEqual(2)
})

test('an interval of 0 stays 0', () => {
  expect(createJitter()(0)).toBe(0)
})
