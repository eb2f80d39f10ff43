import { expect, test } from 'vitest'
import { toHex, toRandomHex } from '../src/hex.ts'

test('each byte becomes two digits in lower case', () => {
  expect(toHex(new Uint8Array([0, 10, 160, 255]))).toBe('000aa0ff')
  expect(toHex(new Uint8Array())).toBe('')
})

test('random bytes become twice as many digits, others each time', () => {
  expect(toRandomHex(16)).toMatch(/^[0-9a-f]{32}$/)
  expect(toRandomHex(16)).not.toBe(toRandomHex(16))
})
