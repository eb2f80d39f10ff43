import { expect, test } from 'vitest'
import { createOutageLog } from '../../../src/runtimes/redis/outage-log.ts'

/** Reports a state each 200 ms for `seconds`. Returns the lines, with the time of each in seconds. */
function linesOf(seconds: number, isReady: (second: number) => boolean): [second: number, line: string][] {
  const lines: [number, string][] = []
  let now = 0
  const report = createOutageLog((line) => lines.push([now / 1000, line.slice(0, line.indexOf(':'))]))
  for (; now <= seconds * 1000; now += 200) report(isReady(now / 1000), 'OOM', now)
  return lines
}

test('an outage has a line at its beginning and one at its end', () => {
  expect(linesOf(600, (second) => second < 10 || second >= 300)).toEqual([
    [10, 'Redis is down (OOM)'],
    [300, 'Redis is well again'],
  ])
})

test('a Redis that comes and goes has one line a minute about it', () => {
  const down = linesOf(300, (second) => second % 2 < 1).filter(([, line]) => line.includes('down'))
  expect(down.map(([second]) => second)).toEqual([1, 61, 121, 181, 241])
})

test('an outage that begins within a minute after another one is told after that minute', () => {
  expect(linesOf(120, (second) => second === 1)).toEqual([
    [0, 'Redis is down (OOM)'],
    [1, 'Redis is well again'],
    [60, 'Redis is down (OOM)'],
  ])
})

test('a store that is always well has no line', () => {
  expect(linesOf(60, () => true)).toEqual([])
})
