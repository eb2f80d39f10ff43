import { describe, expect, test } from 'vitest'
import { messageStream } from '../../../src/dialects/anthropic/stream.ts'
import { ServiceError } from '../../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../../src/generation.ts'
import { encoderContract } from '../../contracts/encoder.ts'
import { readEvents } from '../../encoders/read-events.ts'
import { loadRecording, toBytes, toLines } from '#fake-ollama/recording.ts'
import { readMessage, type ReadBlock, type ReadMessage } from './read-message.ts'
import { startText } from '../../encoders/start-text.ts'

const toEvent = (chunk: OllamaChunk): GenerationEvent => ({ type: chunk.done === true ? 'done' : 'delta', line: '', chunk })
const encode = (...chunks: OllamaChunk[]) => startText(messageStream, { requestId: 'id.1', maxBytes: 1e6 })(chunks.map(toEvent))
const read = (...chunks: OllamaChunk[]) => readMessage([new TextEncoder().encode(encode(...chunks))])[0]!

interface Call {
  readonly function: { readonly name: string; readonly arguments: unknown }
}

/** Returns the message that a client must receive, block by block. */
function toExpected(all: readonly GenerationEvent[], requestId: string): ReadMessage[] {
  const chunks = all.flatMap((event) => (event.type === 'failed' ? [] : [event.chunk]))
  const last = all.at(-1)
  const content: ReadBlock[] = []
  let calls = 0
  const add = (type: 'thinking' | 'text', text: string | undefined) => {
    if (!text) return
    const block = content.at(-1)
    if (block?.type === type) block.pieces.push(text)
    else content.push({ type, [type]: '', ...(type === 'thinking' && { signature: '' }), pieces: [text] })
  }
  for (const { message } of chunks) {
    add('thinking', message?.thinking)
    add('text', message?.content)
    for (const call of (message?.tool_calls ?? []) as Call[]) {
      const input = JSON.stringify(call.function.arguments)
      const id = `call_${requestId}_${calls++}`
      content.push({ type: 'tool_use', id, name: call.function.name, input: {}, pieces: [input] })
    }
  }
  const message: ReadMessage = { content }
  if (chunks.length > 0)
    message.start = {
      id: `msg_${requestId}`,
      type: 'message',
      role: 'assistant',
      model: 'gemma3:270m',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 0, output_tokens: 0 },
    }
  if (last?.type === 'done') {
    const { done_reason, prompt_eval_count, eval_count } = last.chunk
    const stop_reason = done_reason === 'length' ? 'max_tokens' : calls > 0 ? 'tool_use' : 'end_turn'
    message.end = {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence: null },
      usage: { input_tokens: prompt_eval_count ?? 0, output_tokens: eval_count ?? 0 },
    }
    message.isStopped = true
  }
  if (last?.type === 'failed') {
    const { message: text, code, status } = last.error
    const type = status === 504 ? 'timeout_error' : 'api_error'
    message.error = { type: 'error', error: { type, message: text, code }, request_id: requestId }
  }
  return all.length === 0 ? [] : [message]
}

encoderContract('events of Anthropic’s', { encoder: messageStream, read: readMessage, expected: toExpected })

const say = (content: string): OllamaChunk => ({ model: 'm', message: { content } })
const think = (thinking: string): OllamaChunk => ({ model: 'm', message: { content: '', thinking } })
const call = (...tool_calls: object[]): OllamaChunk => ({ model: 'm', message: { content: '', tool_calls } })
const done: OllamaChunk = { model: 'm', done: true, done_reason: 'stop', prompt_eval_count: 9, eval_count: 2 }
const weather = { function: { name: 'weather', arguments: { city: 'Tokyo' } } }

describe('events of Anthropic’s', () => {
  test('are exactly these events', () => {
    expect(encode(say('Hel'), say('lo'), done)).toBe(
      [
        'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_id_1","type":"message","role":"assistant","model":"m",' +
          '"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}',
        'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}',
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}',
        'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}',
        'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},' +
          '"usage":{"input_tokens":9,"output_tokens":2}}',
        'event: message_stop\ndata: {"type":"message_stop"}',
        '',
      ].join('\n\n'),
    )
  })

  test('are those of Ollama’s own surface, and two fields that it misses', () => {
    const recorded = readEvents([toBytes(loadRecording('v1-messages-stream'))]).map(({ event, data }) => ({
      event,
      data: JSON.parse(data) as unknown,
    }))
    const texts = recorded.flatMap(({ data }) => (data as { delta?: { text?: string } }).delta?.text ?? [])
    const line = { model: 'smollm2:135m' }
    const ours = readEvents([
      new TextEncoder().encode(
        encode(...texts.map((content) => ({ ...line, message: { content } })), {
          ...done,
          ...line,
          done_reason: 'length',
          prompt_eval_count: 10,
          eval_count: 6,
        }),
      ),
    ]).map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown }))
    const [start, ...rest] = recorded as [{ data: { message: object } }, ...typeof recorded]
    const id = 'msg_id_1'
    // In this event, Ollama's own Anthropic API sends an estimate of the input tokens. Sluice sends
    // 0.
    const usage = { input_tokens: 0, output_tokens: 0 }
    const message = { ...start.data.message, id, usage, stop_reason: null, stop_sequence: null }
    expect(ours[0]).toEqual({ event: 'message_start', data: { type: 'message_start', message } })
    expect(ours.slice(1, -2)).toEqual(rest.slice(0, -2))
    expect(ours.at(-2)).toMatchObject({ data: { delta: { stop_reason: 'max_tokens' } } })
    expect(ours.at(-2)).toMatchObject(rest.at(-2)!)
    expect(ours.at(-1)).toEqual(rest.at(-1))
  })

  test('open and close a block as the model goes from thinking to text to tools and back', () => {
    const message = read(
      think('a'),
      think('b'),
      say('c'),
      call(weather, weather),
      call({ ...weather, id: 'call_own' }),
      think('d'),
      { model: 'm', message: { content: 'f', thinking: 'e', tool_calls: [weather] } },
      done,
    )
    expect(message.content.map(({ type, id, pieces }) => [type, ...(id ? [id] : pieces)])).toEqual([
      ['thinking', 'a', 'b'],
      ['text', 'c'],
      ['tool_use', 'call_id_1_0'],
      ['tool_use', 'call_id_1_1'],
      ['tool_use', 'call_own'],
      ['thinking', 'd', 'e'],
      ['text', 'f'],
      ['tool_use', 'call_id_1_3'],
    ])
    expect(message.end).toMatchObject({ delta: { stop_reason: 'tool_use' } })
  })

  test('include a tool call on the last line', () => {
    const message = read({ ...done, message: { content: '', tool_calls: [weather] } })
    expect(message.content).toMatchObject([{ type: 'tool_use', name: 'weather', pieces: ['{"city":"Tokyo"}'] }])
    expect(message.end).toMatchObject({ delta: { stop_reason: 'tool_use' } })
  })

  test.each([
    ['stop', 0, 'end_turn'],
    ['stop', 1, 'tool_use'],
    ['length', 0, 'max_tokens'],
    ['length', 1, 'max_tokens'],
    ['load', 0, 'end_turn'],
    [undefined, 0, 'end_turn'],
  ])('after done_reason %s and %i calls have the stop_reason %s', (done_reason, calls, stop_reason) => {
    const { end } = read(...Array.from({ length: calls }, () => call(weather)), {
      model: 'm',
      done: true,
      ...(done_reason && { done_reason }),
    })
    expect(end).toMatchObject({ delta: { stop_reason, stop_sequence: null }, usage: { input_tokens: 0, output_tokens: 0 } })
  })

  test('have no block for an empty answer', () => {
    expect(read({ model: 'm', message: { content: '' } }, done)).toMatchObject({ content: [], isStopped: true })
    expect(
      read({ model: 'm', message: { content: null, thinking: null, tool_calls: null } } as unknown as OllamaChunk, done),
    ).toMatchObject({
      content: [],
    })
  })

  test('of a failed stream end with `error`, and no open block is closed', () => {
    const failed: GenerationEvent = { type: 'failed', error: new ServiceError('idle_timeout', 'silent') }
    const frames = startText(messageStream, { requestId: 'id-1', maxBytes: 1 })([toEvent(say('a')), failed])
    expect(frames.split('\n\n').slice(-2)).toEqual([
      'event: error\ndata: {"type":"error","error":{"type":"timeout_error","message":"silent","code":"idle_timeout"},"request_id":"id-1"}',
      '',
    ])
    expect(frames).not.toMatch(/_stop/)
  })

  test('of a stream that fails before its first event are only `error`', () => {
    const failed: GenerationEvent = { type: 'failed', error: new ServiceError('upstream_failed', 'died') }
    const frames = startText(messageStream, { requestId: 'id-1', maxBytes: 1 })([failed])
    expect(readEvents([new TextEncoder().encode(frames)]).map(({ event }) => event)).toEqual(['error'])
  })

  test('include pings as heartbeats', () => {
    expect(messageStream).toMatchObject({ opening: ':\n', heartbeat: 'event: ping\ndata: {"type":"ping"}\n\n' })
  })

  test.each(['chat-stream', 'chat-history', 'chat-thinking'])('%s: what was said is what is read', (name) => {
    const chunks = toLines(loadRecording(name)).map((line) => JSON.parse(line) as OllamaChunk)
    const { content } = read(...chunks)
    const joined = (type: string) => content.flatMap((block) => (block.type === type ? block.pieces : [])).join('')
    expect(joined('text')).toBe(chunks.map(({ message }) => message?.content ?? '').join(''))
    expect(joined('thinking')).toBe(chunks.map(({ message }) => message?.thinking ?? '').join(''))
  })
})
