import { expect, test } from 'vitest'
import { parseKeepAlive, parseNumber } from '../../../src/pages/chats/limits.ts'

test.each([
  ['temperature', '0.7', { value: 0.7 }],
  ['temperature', ' 0,7 ', { value: 0.7 }],
  ['temperature', '', { value: undefined }],
  ['temperature', '2.1', { mistake: 'too_large' }],
  ['temperature', '-0.1', { mistake: 'too_small' }],
  ['temperature', '1e1', { mistake: 'not_a_number' }],
  ['numCtx', '8192', { value: 8192 }],
  ['numCtx', '8192.5', { mistake: 'not_whole' }],
  ['numCtx', '100', { mistake: 'too_small' }],
  ['numPredict', '-1', { value: -1 }],
  ['numPredict', '0', { mistake: 'too_small' }],
  ['numPredict', '-2', { mistake: 'too_small' }],
  ['seed', '0', { value: 0 }],
  ['seed', '2147483648', { mistake: 'too_large' }],
  ['seed', 'abc', { mistake: 'not_a_number' }],
] as const)('%s: %j', (name, typed, parsed) => {
  expect(parseNumber(name, typed)).toEqual(parsed)
})

test('no more context than the model has', () => {
  expect(parseNumber('numCtx', '8192', 4096)).toEqual({ mistake: 'too_large' })
})

test.each([
  ['5m', { value: '5m' }],
  ['1h30m', { value: '1h30m' }],
  ['1.5h', { value: '1.5h' }],
  ['300', { value: '300' }],
  ['-1', { value: '-1' }],
  ['0', { value: '0' }],
  ['', { value: undefined }],
  ['-5m', { mistake: 'not_a_duration' }],
  ['5 minutes', { mistake: 'not_a_duration' }],
  ['m', { mistake: 'not_a_duration' }],
])('keep_alive: %j', (typed, parsed) => {
  expect(parseKeepAlive(typed)).toEqual(parsed)
})
