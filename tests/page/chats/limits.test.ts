import { expect, test } from 'vitest'
import { isKeepAlive, parseNumber, toLimit } from '#page/chats/limits.ts'

test.each([
  ['temperature', '0.7', { value: 0.7 }],
  ['temperature', ' 0,7 ', { value: 0.7 }],
  ['temperature', '', { value: undefined }],
  ['temperature', '2.1', { mistake: 'range' }],
  ['temperature', '-0.1', { mistake: 'range' }],
  ['temperature', '1e1', { mistake: 'number' }],
  ['numCtx', '8192', { value: 8192 }],
  ['numCtx', '8192.5', { mistake: 'whole' }],
  ['numCtx', '100', { mistake: 'range' }],
  ['numPredict', '-1', { value: -1 }],
  ['numPredict', '0', { mistake: 'range' }],
  ['numPredict', '-2', { mistake: 'range' }],
  ['seed', '0', { value: 0 }],
  ['seed', '2147483648', { mistake: 'range' }],
  ['numCtx', '１０２４', { value: 1024 }],
  ['numCtx', '1048576', { value: 1_048_576 }],
  ['numCtx', '1048577', { mistake: 'range' }],
  ['temperature', '.5', { value: 0.5 }],
  ['temperature', '0x1', { mistake: 'number' }],
  ['temperature', 'NaN', { mistake: 'number' }],
  ['temperature', '1,0,0', { mistake: 'number' }],
  ['seed', '-1', { mistake: 'range' }],
  ['seed', 'abc', { mistake: 'number' }],
] as const)('%s: %j', (name, typed, parsed) => {
  expect(parseNumber(name, typed)).toEqual(parsed)
})

test('a context above the limit of the model is refused', () => {
  expect(parseNumber('numCtx', '8192', 4096)).toEqual({ mistake: 'range' })
  expect(parseNumber('numCtx', '4096', 4096)).toEqual({ value: 4096 })
  expect(parseNumber('seed', '8192', 4096)).toEqual({ value: 8192 })
  expect(toLimit('numCtx', 256)).toEqual({ min: 256, max: 256, isWhole: true })
  expect(toLimit('numCtx')).toEqual({ min: 512, max: 1_048_576, isWhole: true })
})

test.each(['5m', '1h30m', '1.5h', '300', '-1', '0'])('%s is a valid keep-alive time', (text) => {
  expect(isKeepAlive(text)).toBe(true)
})

test.each(['', '-5m', '5 minutes', '1h-30m', '9999999999', 'm'])('%j is no valid keep-alive time', (text) => {
  expect(isKeepAlive(text)).toBe(false)
})
