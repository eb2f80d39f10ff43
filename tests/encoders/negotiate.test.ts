import { describe, expect, test } from 'vitest'
import { ndjson } from '../../src/encoders/ndjson.ts'
import { framings, negotiate } from '../../src/encoders/negotiate.ts'
import { sse } from '../../src/encoders/sse.ts'
import { text } from '../../src/encoders/text.ts'
import { readPage } from '../citations.ts'

describe('a stream is SSE for', () => {
  test.each([
    [undefined],
    [''],
    ['*/*'],
    ['text/*'],
    ['application/*'],
    ['text/html'],
    ['text/event-stream'],
    ['TEXT/Event-Stream'],
    ['text/event-stream;charset=utf-8'],
    ['text/event-stream, application/x-ndjson'],
    ['application/x-ndjson, text/event-stream'],
    ['application/json, text/event-stream'],
    ['text/event-stream;q=0.5, application/x-ndjson;q=0.5'],
    ['application/x-ndjson;q=0.8, text/event-stream'],
    ['application/x-ndjson;q=0.8, text/event-stream;q=0.9'],
    ['application/x-ndjson;q=0.8, text/event-stream;q=0.1, text/event-stream;q=0.9'],
    ['text/event-stream;q=0.9, application/x-ndjson;q=0.8, text/event-stream;q=0.1'],
    ['application/x-ndjson;q=0'],
    ['application/x-ndjson;q=-1'],
    ['text/html;title="a, application/x-ndjson"'],
    ['application/x-ndjsonx'],
    ['x-application/x-ndjson'],
    ['text/event-stream;q=0, application/x-ndjson;q=0'],
    [',,;;q=,'],
    ['application/problem+json'],
    ['text/html,application/xhtml+xml,*/*;q=0.8'],
    ['application/jsonl'],
    ['application/x-ndjson;Q=0.4, text/event-stream;Q=0.5'],
  ])('Accept: %s', (accept) => {
    expect(negotiate(accept, true)).toBe(sse)
  })
})

describe('a stream is NDJSON for', () => {
  test.each([
    ['application/x-ndjson'],
    ['application/json'],
    ['Application/JSON'],
    ['application/json; charset=utf-8'],
    ['application/x-ndjson, */*'],
    ['application/json, text/plain, */*'],
    ['text/html, application/x-ndjson'],
    ['text/event-stream;q=0.5, application/x-ndjson'],
    ['text/event-stream;q=0.5,application/json;q=0.6'],
    ['text/event-stream; q=0 , application/x-ndjson ; q=0.1'],
    ['text/event-stream;q=0.5, application/json;q=0.1, application/x-ndjson;q=0.9'],
    ['text/event-stream;q=0.5, application/x-ndjson;q=0.9, application/json;q=0.1'],
    ['application/x-ndjson;charset=utf-8;q=1.0'],
    ['application/x-ndjson;Q=0.7'],
    ['application/x-ndjson;level=1;q=0.4, text/event-stream;q=0.3'],
    ['text/event-stream;q=0.5,application/json;q=0.501'],
    // A header that names NDJSON requests it, even if the quality is invalid.
    ['application/x-ndjson;q=nonsense'],
    ['application/x-ndjson;q='],
    ['application/x-ndjson;q=2'],
    ['application/x-ndjson;q=2, text/event-stream;q=0.9'],
    ['application/json;profile="a, b;q=0"'],
    ['application/json;profile="a\\", text/event-stream'],
  ])('Accept: %s', (accept) => {
    expect(negotiate(accept, true)).toBe(ndjson)
  })
})

describe('a stream is bare text for', () => {
  test.each([
    ['text/plain'],
    ['Text/Plain; charset=utf-8'],
    ['text/plain, */*;q=0.01'],
    ['text/plain, text/event-stream;q=0.9'],
    ['text/plain;q=0.5, application/json;q=0.4'],
    ['text/plain, text/html'],
    ['text/event-stream;q=0, text/plain;q=0.9, */*'],
    ['text/plain, text/event-stream;q=0.5, */*'],
  ])('Accept: %s', (accept) => {
    expect(negotiate(accept, true)).toBe(text)
  })
})

describe('a stream is text only if Accept names text and prefers it, so not for', () => {
  test.each([
    ['text/plain, text/event-stream', sse],
    ['text/plain, */*', sse],
    ['text/plain, text/*', sse],
    ['text/*', sse],
    ['text/plain;q=0', sse],
    ['text/plain, application/json', ndjson],
    ['application/json, text/plain, */*', ndjson],
    ['text/plain;q=0.5, application/x-ndjson;q=0.5', ndjson],
    ['application/json;q=0.5, text/plain;q=0.6, */*;q=0.9', ndjson],
  ])('Accept: %s', (accept, framing) => {
    expect(negotiate(accept, true)).toBe(framing)
  })
})

test.each(['text/plain', 'text/plain, application/json;q=0.5'])('%s is no text where a response cannot be broken', (accept) => {
  expect(negotiate(accept, false)).not.toBe(text)
})

// With quadratic work, this test would take minutes.
test.each([',', ';', ' ', '"', '\\"', '=', 'a ', 'a,', 'a ;', 'a;b', ';q=0', ';q==', 'a;b="c" ,', 'text/plain;q=0.1,'])(
  'a long header takes linear time: %s',
  (piece) => {
    expect(framings.map(({ encoder }) => encoder)).toContain(negotiate(piece.repeat(300_000), true))
  },
)

test.each(framings.flatMap(({ types }) => types))('docs/protocol.md names %s', (type) => {
  expect(readPage('docs/protocol.md'), `say in docs/protocol.md what Accept: ${type} gives`).toContain(type)
})
