import { describe, expect, test } from 'vitest'
import { ollamaStream } from '../../../src/dialects/ollama/stream.ts'
import { ServiceError } from '../../../src/errors.ts'
import type { GenerationEvent } from '../../../src/generation.ts'
import { encoderContract } from '../../contracts/encoder.ts'
import { loadRecording, recordingNames, toBytes, toLines } from '#fake-ollama/recording.ts'
import { startText } from '../../encoders/start-text.ts'

const encode = (...events: GenerationEvent[]) => startText(ollamaStream, { requestId: 'id-1', maxBytes: 1e6 })(events)

encoderContract('Ollama’s lines', {
  encoder: ollamaStream,
  read(pieces) {
    const read = Buffer.concat(pieces).toString().split('\n')
    // Every line ends with an LF, so the last part is empty.
    expect(read.pop()).toBe('')
    return read
  },
  expected: (events) =>
    events.map((event) => (event.type === 'failed' ? JSON.stringify({ error: event.error.message }) : event.line)),
})

test('there is neither opening nor heartbeat: a blank line breaks readers (hazard 34)', () => {
  expect(ollamaStream).toMatchObject({ contentType: 'application/x-ndjson', opening: '', heartbeat: '' })
})

test.each(recordingNames().filter((name) => loadRecording(name).headers['content-type'] === 'application/x-ndjson'))(
  '%s: is the recorded bytes',
  (name) => {
    const recording = loadRecording(name)
    const events = toLines(recording).map((line): GenerationEvent => ({ type: 'delta', line, chunk: {} }))
    expect(Buffer.from(encode(...events))).toEqual(Buffer.from(toBytes(recording)))
  },
)

describe('a failure', () => {
  const fail = (message: string, line?: string) =>
    encode({ type: 'failed', error: new ServiceError('upstream_failed', message), ...(line !== undefined && { line }) })

  test.each([
    ['its own line, as Go escapes it', 'a <b>', '{"error":"a \\u003cb\\u003e"}'],
    ['its own line, with its white space', 'it died', ' { "error" : "it died" } '],
  ])('is %s', (_name, message, line) => {
    expect(fail(message, line)).toBe(`${line}\n`)
  })

  test.each([
    ['a text that was cleaned', 'dial [address]', '{"error":"dial 10.0.0.7:1"}'],
    ['more than the text', 'no', '{"error":"no","signin_url":"https://x"}'],
    ['the text in an object', 'no', '{"error":{"message":"no"}}'],
    ['the name twice', 'no', '{"error":{"at":"10.0.0.7"},"error":"yes"}'],
  ])('is our own line where Ollama’s line has %s', (_name, message, line) => {
    expect(fail(message, line)).toBe(`${JSON.stringify({ error: message })}\n`)
  })

  test('of our own has only its text', () => {
    expect(fail('Ollama fell silent for 120 s')).toBe('{"error":"Ollama fell silent for 120 s"}\n')
  })
})
