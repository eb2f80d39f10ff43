import { expect, test } from 'vitest'
import { createSampler, type SamplerName } from '../../src/telemetry/sampler.ts'

const ids = Array.from(
  { length: 4000 },
  (_, i) => i.toString(16).padStart(18, '0') + ((i * 0x9e3779b97f4a7) % 2 ** 56).toString(16).padStart(14, '0'),
)

test.each<[name: SamplerName, root: boolean, ofSampled: boolean, ofOther: boolean]>([
  ['always_on', true, true, true],
  ['always_off', false, false, false],
  ['parentbased_always_on', true, true, false],
  ['parentbased_always_off', false, true, false],
])('%s samples %s without a parent, %s with a sampled one, %s with another', (name, ...expected) => {
  const sample = createSampler(name, 1)
  expect([sample('a', undefined), sample('a', true), sample('a', false)]).toEqual(expected)
})

test.each([
  [0, 0],
  [0.25, 1000],
  [1, 4000],
])('a ratio of %d takes about %d of 4000 traces, and all their parts alike', (ratio, expected) => {
  const sample = createSampler('traceidratio', ratio)
  const taken = ids.filter((id) => sample(id, undefined))
  expect(Math.abs(taken.length - expected)).toBeLessThanOrEqual(expected === 1000 ? 100 : 0)
  expect(taken.every((id) => sample(id, false))).toBe(true)
  const byParent = createSampler('parentbased_traceidratio', ratio)
  expect([byParent(ids[7]!, true), byParent(ids[7]!, false)]).toEqual([true, false])
  expect(ids.filter((id) => byParent(id, undefined))).toEqual(taken)
})
