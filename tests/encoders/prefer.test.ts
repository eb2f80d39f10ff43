import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { prefers } from '../../src/encoders/prefer.ts'

test.each([
  'status',
  'Status',
  'STATUS',
  ' status ',
  'respond-async, status',
  'respond-async,status,wait=10',
  'status, respond-async',
  'return=representation; a="b, c", status',
  'foo="a \\" b", status',
  'status; foo=bar',
  'status;foo="a,b"',
  'status=',
  'status=""',
  'status = ""; x',
  ',,status,',
  'status, status=off',
])('asks for status events: Prefer: %s', (prefer) => {
  expect(prefers('status', prefer)).toBe(true)
})

test.each([
  undefined,
  '',
  ',;=",',
  'respond-async',
  'statuses',
  'a-status',
  'status-x',
  'no status',
  'status=off',
  'status="off"',
  'status="; "',
  'status=off, status',
  'foo=status',
  'foo; status',
  'foo="a, status, b"',
  'foo="a\\", status, b"',
  'foo="a, status',
])('does not ask for status events: Prefer: %s', (prefer) => {
  expect(prefers('status', prefer)).toBe(false)
})

test('`status` is found between any other preferences, and not inside quotes', () => {
  const quoted = fc.string().map((text) => `x="${text.replaceAll(/["\\]/g, '\\$&')}"`)
  const others = fc.array(fc.oneof(quoted, fc.constantFrom('respond-async', 'wait=5', 'foo; bar="status"')))
  fc.assert(
    fc.property(others, others, fc.boolean(), (before, after, isAsked) => {
      const prefer = [...before, ...(isAsked ? ['status'] : []), ...after].join(', ')
      expect(prefers('status', prefer)).toBe(isAsked)
    }),
  )
})

// With quadratic work, this test would take minutes.
test.each(['"', '\\"', '"\\', '",', '\\', 'status=x,'])('a long header takes linear time: %s', (piece) => {
  expect(prefers('status', piece.repeat(300_000))).toBe(false)
})
