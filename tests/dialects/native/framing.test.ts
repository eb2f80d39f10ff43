import { describe, expect, test } from 'vitest'
import { toFraming } from '../../../src/dialects/native/framing.ts'
import { folded } from '../../../src/encoders/folded.ts'
import { ndjson } from '../../../src/encoders/ndjson.ts'
import { sse } from '../../../src/encoders/sse.ts'

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
    ['application/x-ndjson;q=nonsense'],
    ['application/x-ndjson;q=2'],
    ['application/x-ndjson;q=-1'],
    ['application/x-ndjsonx'],
    ['x-application/x-ndjson'],
    ['text/event-stream;q=0, application/x-ndjson;q=0'],
    [',,;;q=,'],
    ['application/problem+json'],
  ])('Accept: %s', (accept) => {
    expect(toFraming(true, accept)).toBe(sse)
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
  ])('Accept: %s', (accept) => {
    expect(toFraming(true, accept)).toBe(ndjson)
  })
})

test.each([undefined, 'text/event-stream', 'application/x-ndjson', '*/*'])(
  'stream:false is one object for Accept: %s',
  (accept) => {
    expect(toFraming(false, accept)).toBe(folded)
  },
)
