import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { folded } from '../../src/encoders/folded.ts'
import { ServiceError } from '../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../src/generation.ts'
import { generations } from '../arbitrary-generation.ts'
import { encoderContract } from '../contracts/encoder.ts'
import { loadRecording, recordingNames, toLines } from '#fake-ollama/recording.ts'
import { startText } from './start-text.ts'

const toEvent = (chunk: OllamaChunk): GenerationEvent => ({
  type: chunk.done === true ? 'done' : 'delta',
  line: JSON.stringify(chunk),
  chunk,
})

function fold(chunks: readonly OllamaChunk[], maxBytes = 1e9): OllamaChunk {
  const encode = startText(folded, { requestId: 'id-1', maxBytes })
  return JSON.parse(chunks.map((chunk) => encode([toEvent(chunk)])).join('')) as OllamaChunk
}

const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as OllamaChunk)

/** Joins a whole answer in another way than the encoder: field by field over all lines. */
function toWhole(chunks: readonly OllamaChunk[]) {
  const join = (texts: readonly (string | null | undefined)[]) => texts.map((text) => text ?? '').join('')
  return {
    response: join(chunks.map(({ response }) => response)),
    thinking: join(chunks.map(({ thinking }) => thinking)),
    content: join(chunks.map(({ message }) => message?.content)),
    messageThinking: join(chunks.map(({ message }) => message?.thinking)),
    toolCalls: chunks.flatMap(({ message }) => message?.tool_calls ?? []),
    logprobs: chunks.flatMap(({ logprobs }) => logprobs ?? []),
  }
}

/** Makes absent fields equal to empty ones. */
const read = (chunk: OllamaChunk) => toWhole([chunk])

const concatenated = ['response', 'thinking', 'message', 'logprobs']
const rest = (chunk: OllamaChunk | undefined) =>
  Object.fromEntries(Object.entries(chunk ?? {}).filter(([name]) => !concatenated.includes(name)))

encoderContract('one object', {
  encoder: folded,
  read(pieces) {
    const text = Buffer.concat(pieces).toString()
    if (text === '') return []
    const whole = JSON.parse(text) as OllamaChunk
    return [{ whole: read(whole), rest: rest(whole) }]
  },
  expected(events) {
    const last = events.at(-1)
    if (last?.type !== 'done') return []
    const chunks = events.flatMap((event) => (event.type === 'failed' ? [] : [event.chunk]))
    return [{ whole: toWhole(chunks), rest: rest(last.chunk) }]
  },
})

describe('one object', () => {
  const isStream = (name: string) => {
    const { request, status, ended } = loadRecording(name)
    return (
      status === 200 &&
      ended === 'clean end' &&
      ['/api/generate', '/api/chat'].includes(request.path) &&
      !/runner-dies$|-truncated$/.test(name)
    )
  }

  test.each(recordingNames().filter(isStream))(
    '%s: is the concatenation of its lines, and the rest of its last one',
    (name) => {
      const chunks = chunksOf(name)
      const whole = fold(chunks)
      expect(read(whole)).toEqual(toWhole(chunks))
      expect(rest(whole)).toEqual(rest(chunks.at(-1)))
    },
  )

  test.each(['chat-thinking', 'chat-tool-call'])('%s: is what Ollama answers to the same request without a stream', (name) => {
    const [once] = chunksOf(`${name}-once`)
    const whole = fold(chunksOf(name))
    // Times and ids differ from run to run.
    const toComparable = (value: unknown) =>
      JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
        /_duration$|^created_at$|^id$/.test(key) ? 'varies' : inner,
      ) as unknown
    expect(toComparable(whole)).toEqual(toComparable(once))
  })

  test.each(['generate-once', 'chat-once', 'generate-load', 'chat-load'])('%s: an answer of one line is unchanged', (name) => {
    expect(fold(chunksOf(name))).toEqual(chunksOf(name)[0])
  })

  test('is written at the success terminal and not before', () => {
    const encode = startText(folded, { requestId: 'id-1', maxBytes: 1e6 })
    expect(encode([toEvent({ response: 'a' }), toEvent({ response: 'b' })])).toBe('')
    expect(encode([toEvent({ response: 'c', done: true })])).toBe('{"response":"abc","done":true}')
  })

  test('is empty if the stream fails: the status reports the failure', () => {
    const encode = startText(folded, { requestId: 'id-1', maxBytes: 1e6 })
    encode([toEvent({ response: 'a' })])
    expect(encode([toEvent({ response: 'b' }), { type: 'failed', error: new ServiceError('internal', '') }])).toBe('')
  })

  test.each([
    ['response', [{ response: 'a' }, { done: true }], { response: 'a', done: true }],
    ['thinking', [{ thinking: 'a' }, { done: true }], { thinking: 'a', done: true }],
    [
      'message',
      [{ message: { role: 'assistant', content: 'a' } }, { done: true }],
      { message: { role: 'assistant', content: 'a' }, done: true },
    ],
    [
      'null',
      [
        { response: null, thinking: null, message: null },
        { response: 'b', done: true },
      ],
      { response: 'b', done: true },
    ],
  ])('keeps a field that the last line does not repeat: %s', (_, chunks, whole) => {
    expect(fold(chunks as readonly OllamaChunk[])).toEqual(whole)
  })

  test('fails when it grows over the limit, and not before', () => {
    fc.assert(
      fc.property(generations, (events) => {
        const chunks = events.flatMap((event) => (event.type === 'delta' ? [event.chunk] : []))
        const size = JSON.stringify(chunks).length
        expect(() => fold([...chunks, { done: true }], size)).not.toThrow()
      }),
    )
    const many = Array.from({ length: 100 }, () => ({ response: 'x'.repeat(10) }))
    expect(fold([...many, { done: true }], 1000).response).toHaveLength(1000)
    expect(() => fold([...many, { response: 'x', done: true }], 1000)).toThrow(
      expect.objectContaining({ code: 'line_too_long' }),
    )
  })

  test.each([
    ['thinking', { thinking: 'x'.repeat(60) }],
    ['content', { message: { content: 'x'.repeat(60) } }],
    ['thinking of a message', { message: { thinking: 'x'.repeat(60) } }],
    ['tool calls', { message: { tool_calls: ['x'.repeat(60)] } }],
    ['logprobs', { logprobs: ['x'.repeat(60)] }],
  ])('counts %s towards the limit', (_, chunk) => {
    expect(() => fold([chunk, chunk, { done: true }], 1000)).not.toThrow()
    expect(() => fold([chunk, chunk, { done: true }], 100)).toThrow(expect.objectContaining({ code: 'line_too_long' }))
  })
})
