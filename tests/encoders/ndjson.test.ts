import { describe, expect, test } from 'vitest'
import { ndjson } from '../../src/encoders/ndjson.ts'
import { ServiceError } from '../../src/errors.ts'
import type { GenerationEvent } from '../../src/generation.ts'
import { encoderContract } from '../contracts/encoder.ts'
import { loadRecording, toBytes, toLines } from '#fake-ollama/recording.ts'
import { startText } from './start-text.ts'

const encode = (...events: GenerationEvent[]) => startText(ndjson, { requestId: 'id-1', maxBytes: 1e6 })(events)

encoderContract('NDJSON', {
  encoder: ndjson,
  read(pieces) {
    const lines = Buffer.concat(pieces).toString().split('\n')
    // Every line ends with an LF, so the last part is empty.
    expect(lines.pop()).toBe('')
    return lines
  },
  expected: (events, requestId) =>
    events.map((event) => {
      if (event.type !== 'failed') return event.line
      const { message, code } = event.error
      return JSON.stringify({ error: message, code, request_id: requestId })
    }),
})

describe('NDJSON', () => {
  test('has neither opening nor heartbeat: a blank line breaks readers (hazard 34)', () => {
    expect(ndjson).toMatchObject({ contentType: 'application/x-ndjson', opening: '', heartbeat: '' })
  })

  test('writes our own error line for a failure, not the line of the upstream', () => {
    const error = new ServiceError('upstream_failed', 'it died')
    expect(encode({ type: 'failed', error, line: '{"error":"it died at 10.0.0.7"}' })).toBe(
      '{"error":"it died","code":"upstream_failed","request_id":"id-1"}\n',
    )
  })

  test.each(['generate-chinese', 'chat-tool-call', 'generate-html', 'generate-logprobs'])(
    '%s: is the recorded bytes',
    (name) => {
      const recording = loadRecording(name)
      const events = toLines(recording).map((line): GenerationEvent => ({ type: 'delta', line, chunk: {} }))
      expect(Buffer.from(encode(...events))).toEqual(Buffer.from(toBytes(recording)))
    },
  )
})
