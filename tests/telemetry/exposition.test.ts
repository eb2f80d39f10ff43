import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { toBound, toContentType, toExposition, toLabels, type Family } from '../../src/telemetry/exposition.ts'
import { createCounter, createHistogram } from '../../src/telemetry/instruments.ts'
import { parseExposition, sumOf } from './parse-exposition.ts'

const gauge = (labels: string): Family => ({
  name: 'sluice_x',
  type: 'gauge',
  help: 'A test.',
  samples: [{ labels, value: 1 }],
})

test.each([
  ['plain', 'plain'],
  ['a"b', String.raw`a\"b`],
  [String.raw`a\b`, String.raw`a\\b`],
  ['a\nb', String.raw`a\nb`],
  [String.raw`\n`, String.raw`\\n`],
  ['"} 1\nsluice_evil 2', String.raw`\"} 1\nsluice_evil 2`],
  ['ä🦙', 'ä🦙'],
])('the value %j of a label is written as %s', (value, written) => {
  expect(toLabels(['host'], [value])).toBe(`host="${written}"`)
})

test('whatever is in a label, it is one line, and a scraper reads the same text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('"', '\\', '\n', 'n', '{', '}', ',') }),
      (a, b) => {
        const text = toExposition([gauge(toLabels(['host', 'model'], [a, b]))], 'prometheus')
        expect(parseExposition(text).samples).toEqual([{ name: 'sluice_x', labels: { host: a, model: b }, value: 1 }])
      },
    ),
  )
})

test('a counter has its total in both formats, as each of them wants it', () => {
  const counter = createCounter({ name: 'sluice_ends', help: 'Ends.', labels: ['terminal'] })
  counter.add(['done'])
  counter.add(['done'], 2)
  expect(toExposition([counter.family], 'prometheus')).toBe(
    '# HELP sluice_ends_total Ends.\n# TYPE sluice_ends_total counter\nsluice_ends_total{terminal="done"} 3\n',
  )
  expect(toExposition([counter.family], 'openmetrics')).toBe(
    '# HELP sluice_ends Ends.\n# TYPE sluice_ends counter\nsluice_ends_total{terminal="done"} 3\n# EOF\n',
  )
  expect(toContentType('prometheus')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(toContentType('openmetrics')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
})

test('a metric without labels has its series before anything happens', () => {
  const counter = createCounter({ name: 'sluice_x', help: 'X.' })
  const histogram = createHistogram({ name: 'sluice_y', help: 'Y.', bounds: [1] })
  const scraped = parseExposition(toExposition([counter.family, histogram.family], 'prometheus'))
  expect(scraped.samples.map(({ name, value }) => [name, value])).toEqual([
    ['sluice_x_total', 0],
    ['sluice_y_bucket', 0],
    ['sluice_y_bucket', 0],
    ['sluice_y_sum', 0],
    ['sluice_y_count', 0],
  ])
})

test.each([
  [1, '1.0'],
  [0.25, '0.25'],
  [2560, '2560.0'],
])('the bound %d is written as OpenMetrics wants it: %s', (bound, text) => {
  expect(toBound(bound)).toBe(text)
})

test('a histogram counts each value in every bucket that it fits in, and adds it up', () => {
  const bounds = [0.1, 1, 10]
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...bounds), fc.double({ min: 0, max: 100, noNaN: true }))), (values) => {
      const histogram = createHistogram({ name: 'sluice_y', help: 'Y.', labels: ['model'], bounds })
      for (const value of values) histogram.observe(['a'], value)
      const scraped = parseExposition(toExposition([histogram.family], 'openmetrics'))
      for (const bound of bounds)
        expect(sumOf(scraped, 'sluice_y_bucket', { le: toBound(bound) })).toBe(values.filter((value) => value <= bound).length)
      expect(sumOf(scraped, 'sluice_y_bucket', { le: '+Inf' })).toBe(values.length)
      expect(sumOf(scraped, 'sluice_y_count')).toBe(values.length)
      expect(sumOf(scraped, 'sluice_y_sum')).toBeCloseTo(
        values.reduce((sum, value) => sum + value, 0),
        6,
      )
    }),
  )
})

test('a metric has a bounded number of series, and its sum stays true', () => {
  const counter = createCounter({ name: 'sluice_x', help: 'X.', labels: ['model', 'type'] })
  for (let i = 0; i < 100_000; i++) counter.add([`m${i}`, 'in'])
  const { samples } = parseExposition(toExposition([counter.family], 'prometheus'))
  expect(samples.length).toBeLessThanOrEqual(2001)
  expect(sumOf({ types: {}, samples }, 'sluice_x_total')).toBe(100_000)
  expect(sumOf({ types: {}, samples }, 'sluice_x_total', { model: 'other' })).toBeGreaterThan(90_000)
})
