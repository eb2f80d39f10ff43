import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { prefers, toResumeSeconds } from '../../src/encoders/prefer.ts'

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

test.each([
  ['resume=30', 30],
  ['Resume=30', 30],
  ['resume = 30 ', 30],
  ['resume="30"', 30],
  ['resume=030', 30],
  ['resume=30; foo=bar', 30],
  ['status, resume=30', 30],
  ['resume=30, status', 30],
  ['a="b, resume=5", resume=30', 30],
  ['resume=30, resume=5', 30],
  ['resume=60', 60],
  ['resume=61', 60],
  ['resume=1234567890123456789012', 60],
  ['resume', 60],
  ['resume=', 60],
  ['resume=""', 60],
  ['resume; foo=5', 60],
  ['status, resume', 60],
] as const)('asks for a stream that goes on without a reader: Prefer: %s', (prefer, seconds) => {
  expect(toResumeSeconds(prefer, 60)).toBe(seconds)
  expect(toResumeSeconds(prefer, 0), 'is switched off').toBe(0)
})

test.each([
  undefined,
  '',
  'status',
  'resume=0',
  'resume=00',
  'resume="0"',
  'resume=0, resume=30',
  'resume=off',
  'resume=-1',
  'resume=+1',
  'resume=1.5',
  'resume=1e3',
  'resume=0x10',
  'resume=٣',
  'resume=3 0',
  'resume="30',
  "resume='30'",
  'resume=Infinity',
  'resumes=30',
  'no resume',
  'foo=resume',
  'foo="a, resume=30, b"',
  'foo; resume=30',
])('asks for nothing: Prefer: %s', (prefer) => {
  expect(toResumeSeconds(prefer, 60)).toBe(0)
})

test('the seconds are those of the header, but never more than the most', () => {
  const others = fc.array(fc.constantFrom('status', 'wait=5', 'x="resume=7"', 'foo; resume=8'))
  fc.assert(
    fc.property(others, others, fc.nat(), fc.nat(86_400), (before, after, seconds, most) => {
      const prefer = [...before, `resume=${seconds}`, ...after].join(', ')
      expect(toResumeSeconds(prefer, most)).toBe(Math.min(seconds, most))
      expect(prefers('status', prefer)).toBe([...before, ...after].includes('status'))
    }),
  )
})

// With quadratic work, this test would take minutes.
test.each(['"', '\\"', '"\\', '",', '\\', 'status=x,', 'resume=x,', '=', 'resume=1='])(
  'a long header takes linear time: %s',
  (piece) => {
    expect(prefers('status', piece.repeat(300_000))).toBe(false)
    expect(toResumeSeconds(piece.repeat(300_000), 60)).toBeLessThanOrEqual(60)
  },
)
