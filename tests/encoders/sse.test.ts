import { describe, expect, test } from 'vitest'
import { sse, sseWithStatus } from '../../src/encoders/sse.ts'
import { ServiceError } from '../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../src/generation.ts'
import { encoderContract, type EncoderContract } from '../contracts/encoder.ts'
import { loadRecording, recordingNames, toLines } from '#fake-ollama/recording.ts'
import { readEvents } from './read-events.ts'
import { startText } from './start-text.ts'

const toEvent = (line: string): GenerationEvent => ({ type: 'delta', line, chunk: JSON.parse(line) as OllamaChunk })
const encode = (...events: GenerationEvent[]) => startText(sse, { requestId: 'id-1', maxBytes: 1e6 })(events)

const reading: Omit<EncoderContract, 'encoder'> = {
  read: (pieces) =>
    readEvents(pieces).map(({ event, data, id }) => {
      expect(id).toBeUndefined()
      return event === undefined ? data : { event, data: JSON.parse(data) as unknown }
    }),
  expected: (events, requestId) =>
    events.map((event) => {
      if (event.type !== 'failed') return event.line.includes('\r') ? JSON.stringify(event.chunk) : event.line
      const { message, code } = event.error
      return { event: 'failed', data: { error: message, code, request_id: requestId } }
    }),
}
encoderContract('SSE', { encoder: sse, ...reading })
encoderContract('SSE with status', { encoder: sseWithStatus, ...reading })

describe('SSE', () => {
  test('is a frame of one data line for each line, verbatim', () => {
    expect(encode(toEvent('{"response":"a"}'), toEvent('{ "response" : "b" }'))).toBe(
      'data: {"response":"a"}\n\ndata: { "response" : "b" }\n\n',
    )
  })

  test('encodes a line with a raw CR again: it would be two lines in SSE', () => {
    expect(encode(toEvent('{"a":\r1,\r\t"b":"\\r\\n"}'))).toBe('data: {"a":1,"b":"\\r\\n"}\n\n')
  })

  test('reports a failure in an event whose name is not EventSource’s own `error`', () => {
    const error = new ServiceError('invalid_request', 'no\ngood', { issues: [{ path: 'a', message: 'b' }] })
    expect(encode({ type: 'failed', error })).toBe(
      'event: failed\ndata: {"error":"no\\ngood","code":"invalid_request","request_id":"id-1","issues":[{"path":"a","message":"b"}]}\n\n',
    )
  })

  test('sends a status event during a wait, to readers that asked for it', () => {
    expect(sse.toStatus).toBeUndefined()
    expect(sseWithStatus.toStatus!('loading', 1234)).toBe('event: status\ndata: {"status":"loading","elapsed_ms":1234}\n\n')
    expect(sseWithStatus).toMatchObject({ start: sse.start, headers: { ...sse.headers, 'preference-applied': 'status' } })
  })

  test('opens with a comment, and beats with one that has no blank line (hazard 31)', () => {
    expect(sse).toMatchObject({ contentType: 'text/event-stream', opening: ':\n', heartbeat: ':\n' })
    expect(sse.headers).toEqual({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' })
  })

  test.each(recordingNames().filter((name) => loadRecording(name).headers['content-type'] === 'application/x-ndjson'))(
    '%s: its lines arrive verbatim',
    (name) => {
      const lines = toLines(loadRecording(name))
      const read = readEvents([new TextEncoder().encode(encode(...lines.map(toEvent)))])
      expect(read.map(({ data }) => data)).toEqual(lines)
    },
  )
})
