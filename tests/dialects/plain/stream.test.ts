import { describe, expect, test } from 'vitest'
import { plainStream } from '../../../src/dialects/plain/stream.ts'
import { ServiceError } from '../../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../../src/generation.ts'
import { encoderContract } from '../../contracts/encoder.ts'
import { readEvents } from '../../encoders/read-events.ts'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { startText } from '../../encoders/start-text.ts'

const toEvent = (chunk: OllamaChunk): GenerationEvent => ({ type: chunk.done === true ? 'done' : 'delta', line: '', chunk })
const encode = (...chunks: OllamaChunk[]) => startText(plainStream, { requestId: 'id-1', maxBytes: 1e6 })(chunks.map(toEvent))

/**
 * Returns a text as a reader of SSE receives it. SSE readers end a line at CR, LF and CRLF alike,
 * and join lines with LF.
 */
const toCarried = (text: string) => text.split('\r\n').join('\n').split('\r').join('\n')

encoderContract('messages', {
  encoder: plainStream,
  read: (pieces) =>
    readEvents(pieces).map(({ event, data, id }) => {
      expect(id).toBeUndefined()
      return { event, data: event === 'messages' || event === 'thinking' ? data : (JSON.parse(data) as unknown) }
    }),
  expected: (events, requestId) =>
    events.flatMap((event): { event: string; data: unknown }[] => {
      if (event.type === 'failed') {
        const { message, code } = event.error
        return [{ event: 'failed', data: { error: message, code, request_id: requestId } }]
      }
      const { thinking = '', response = '', context: _context, created_at: _at, ...rest } = event.chunk
      const told = [
        { event: 'thinking', data: toCarried(thinking) },
        { event: 'messages', data: toCarried(response) },
      ].filter(({ data }) => data !== '')
      return event.type === 'done' ? [...told, { event: 'done', data: rest }] : told
    }),
})

describe('messages', () => {
  test('are the raw text, its leading spaces kept behind the space of the framing', () => {
    expect(encode({ response: ' Hel' }, { response: 'lo' })).toBe(
      'event: messages\ndata:  Hel\n\nevent: messages\ndata: lo\n\n',
    )
  })

  test.each([
    ['\n', 'data: \ndata: '],
    ['a\nb', 'data: a\ndata: b'],
    ['a\r\nb', 'data: a\ndata: b'],
    ['a\rb', 'data: a\ndata: b'],
    ['\n\r', 'data: \ndata: \ndata: '],
    ['a\u2028b', 'data: a\u2028b'],
  ])('split %j over data lines', (response, data) => {
    expect(encode({ response })).toBe(`event: messages\n${data}\n\n`)
  })

  test.each([[{ response: '' }], [{}], [{ response: null, thinking: null }]])('are none for %j', (chunk) => {
    expect(encode(chunk as OllamaChunk)).toBe('')
  })

  test('of a model that thinks come as `thinking`, before the text of the same line', () => {
    expect(encode({ thinking: 'hm', response: 'yes' })).toBe('event: thinking\ndata: hm\n\nevent: messages\ndata: yes\n\n')
  })

  test('end with `done`: the last line without text, context and time, after the text on it', () => {
    const last = {
      model: 'm',
      created_at: 'x',
      response: '!',
      thinking: '',
      context: [1],
      done: true,
      done_reason: 'stop',
      eval_count: 3,
      odd: 1,
    }
    expect(encode(last)).toBe(
      'event: messages\ndata: !\n\nevent: done\ndata: {"model":"m","done":true,"done_reason":"stop","eval_count":3,"odd":1}\n\n',
    )
  })

  test('of a failed stream end with `failed`', () => {
    const event: GenerationEvent = { type: 'failed', error: new ServiceError('idle_timeout', 'silent') }
    expect(startText(plainStream, { requestId: 'id-1', maxBytes: 1 })([toEvent({ response: 'a' }), event])).toBe(
      'event: messages\ndata: a\n\nevent: failed\ndata: {"error":"silent","code":"idle_timeout","request_id":"id-1"}\n\n',
    )
  })

  test('of a recording contain its text when joined', () => {
    const chunks = toLines(loadRecording('generate-html')).map((line) => JSON.parse(line) as OllamaChunk)
    const events = readEvents([new TextEncoder().encode(encode(...chunks))])
    const text = events
      .filter(({ event }) => event === 'messages')
      .map(({ data }) => data)
      .join('')
    expect(text).toBe(chunks.map(({ response }) => response).join(''))
    expect(events.at(-1)!.event).toBe('done')
  })
})
