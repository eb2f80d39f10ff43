import { describe, expect, test } from 'vitest'
import { toRequestHead } from '../../src/http1/request-head.ts'

const request = {
  method: 'POST',
  path: '/api/chat?a=b',
  headers: { host: '127.0.0.1:11434', 'content-type': 'application/json' },
}

describe('the head of a request', () => {
  test.each([
    ['without a body', undefined, ''],
    ['with a body of a length', 5, 'content-length: 5\r\n'],
    ['with an empty body', 0, 'content-length: 0\r\n'],
    ['with a body in chunks', 'chunked', 'transfer-encoding: chunked\r\n'],
  ] as const)('%s', (_, body, line) => {
    const lines = `POST /api/chat?a=b HTTP/1.1\r\nhost: 127.0.0.1:11434\r\ncontent-type: application/json\r\n${line}\r\n`
    expect(toRequestHead({ ...request, ...(body !== undefined && { body }) })).toBe(lines)
  })

  test.each(['\r', '\n', '\0', '\r\nx: y', '\u010a', 'é'])('accepts no %j in any part', (odd) => {
    for (const wrong of [
      { method: `GE${odd}T` },
      { path: `/api${odd}` },
      { headers: { host: `a${odd}` } },
      { headers: { host: odd } },
      { headers: { [`x${odd}`]: 'y' } },
    ])
      expect(() => toRequestHead({ ...request, ...wrong }), JSON.stringify(wrong)).toThrow(TypeError)
  })

  test.each([
    { method: 'GET /x' },
    { method: '' },
    { path: '' },
    { path: 'api' },
    { path: '/a b' },
    { path: '/ HTTP/1.1' },
    { headers: { 'Content-Length': '5' } },
    { headers: { 'transfer-encoding': 'chunked' } },
    { headers: { 'content-length: 5\r\nx': 'y' } },
    { headers: { 'content-length: 5': 'y' } },
    { headers: { 'x ': 'y' } },
    { headers: { '': 'y' } },
  ])('accepts no %j', (wrong) => {
    expect(() => toRequestHead({ ...request, ...wrong })).toThrow(TypeError)
  })

  test('does not show a value in its error', () => {
    expect(() => toRequestHead({ ...request, headers: { authorization: 'Bearer secret\n' } })).toThrow(/^(?!.*secret)/)
  })
})
