import { expect, test } from 'vitest'
import { toSeconds } from '#ollama-grammar/duration.ts'

test.each([
  [0, 0],
  [-1, -1],
  [300, 300],
  ['0', 0],
  ['5m', 300],
  ['1h30m', 5400],
  ['1.5h', 5400],
  ['.5s', 0.5],
  ['100ms', 0.1],
  ['1us', 1e-6],
  ['1µs', 1e-6],
  ['10ns', 1e-8],
  ['+2s', 2],
  ['-1m', -60],
  ['999h', 3_596_400],
])('%s is %d seconds', (value, seconds) => {
  expect(toSeconds(value)).toBeCloseTo(seconds, 12)
})

test.each(['', '5', '5 m', 'm', '5x', '1h-3m', '5m ', 'Infinity', '1e3s', '1h'.repeat(9), null, undefined, true, {}])(
  '%j is no duration',
  (value) => {
    expect(toSeconds(value)).toBeNaN()
  },
)
