import { describe, expect, expectTypeOf, test } from 'vitest'
import { toCause, type Cause } from '../../src/middleware/cause.ts'

class Odd extends Error {}

const thrownBy = (step: () => unknown): Error => {
  try {
    step()
  } catch (error) {
    return error as Error
  }
  throw new Error('Cannot catch: nothing was thrown')
}

describe('the cause in the access log', () => {
  test('can only come from toCause, by its type', () => {
    expectTypeOf<string>().not.toExtend<Cause>()
    expectTypeOf(toCause).returns.toEqualTypeOf<Cause | undefined>()
    expect(toCause(undefined)).toBeUndefined()
  })

  test.each(['ECONNREFUSED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ConnectionRefused', 'HPE_INVALID_CONSTANT'])(
    'is the code of a connection error, or of its `cause`: %s',
    (code) => {
      const error = Object.assign(new Error('wmur'), { code })
      expect(toCause(error)).toBe(code)
      expect(toCause(new TypeError('fetch failed', { cause: error }))).toBe(code)
    },
  )

  test.each(['', 'wmur', 'WMUR said', 'E', `E${'X'.repeat(50)}`, 'E\nE', 20, { toString: () => 'EPIPE' }])(
    'is not a code of another shape: %j',
    (code) => {
      expect(toCause(Object.assign(new Error('x'), { code }))).toMatch(/^Error at \S+cause\.test\.ts:\d+:\d+/)
    },
  )

  test('is otherwise the error’s class and where it was thrown, without the message', () => {
    const error = thrownBy(() => JSON.parse('{"response": wmur}'))
    // The message must contain this word. Otherwise the test would prove nothing.
    expect(error.message).toContain('wmur')
    expect(toCause(error)).toMatch(/^SyntaxError at \S+cause\.test\.ts:\d+:\d+( at \S+:\d+:\d+)*$/)
    expect(toCause(error)).not.toContain('wmur')
  })

  test.each([
    ['of several lines', 'a\nwmur\nb'],
    ['that looks like a stack', 'a\n    at wmur (src/wmur.ts:1:1)\n    at wmur.ts:1:1'],
    ['that looks like a head', 'Odd: wmur\n    at wmur.ts:1:1'],
    ['that is its own class', 'Odd'],
    ['of nothing but a line’s end', '\n'],
    ['of nothing', ''],
  ])('has no part of a message %s', (_, message) => {
    const cause = toCause(new Odd(message))
    expect(cause).toMatch(/^Odd\b/)
    expect(cause).not.toContain('wmur')
  })

  test.each<[string, (error: Error) => void]>([
    ['a message that was changed', (error) => (error.message = 'another')],
    ['a message that was taken away', (error) => (error.message = '')],
    ['a stack that is no text', (error) => Object.assign(error, { stack: ['wmur'] })],
    ['a stack without its message', (error) => (error.stack = 'at wmur (src/wmur.ts:1:1)\n    at wmur.ts:1:1')],
  ])('is the class alone with %s', (_, spoil) => {
    const error = new Odd('wmur\n    at wmur.ts:1:1')
    expect(error.stack).toContain('wmur')
    spoil(error)
    expect(toCause(error)).toBe('Odd')
  })

  test('has no name of a function: such a name may contain anything', () => {
    const named = { 'wmur (x)': () => JSON.parse('?') as unknown }
    const error = thrownBy(() => named['wmur (x)']())
    expect(error.stack).toContain('wmur')
    expect(toCause(error)).toMatch(/^SyntaxError at \S+cause\.test\.ts/)
    expect(toCause(error)).not.toContain('wmur')
  })

  test('has no name that an error gives itself', () => {
    expect(toCause(Object.assign(new Odd('x'), { name: 'wmur', constructor: { name: 'wmur' } }))).toMatch(/^Odd\b/)
    expect(toCause(new DOMException('wmur', 'AbortError'))).toMatch(/^DOMException\b/)
  })

  test.each([
    ['wmur', 'string'],
    [null, 'object'],
    [{ code: 'EWMUR' }, 'object'],
    [7, 'number'],
  ])('is the type of a thrown value that is not an error: %j', (thrown, type) => {
    expect(toCause(thrown)).toBe(type)
  })
})
