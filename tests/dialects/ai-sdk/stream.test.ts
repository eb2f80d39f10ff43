import { readUIMessageStream, uiMessageChunkSchema, type UIMessage, type UIMessageChunk } from 'ai'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resumableUiMessageStream, uiMessageStream } from '../../../src/dialects/ai-sdk/stream.ts'
import { ServiceError } from '../../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../../src/generation.ts'
import { generations } from '../../arbitrary-generation.ts'
import { encoderContract } from '../../contracts/encoder.ts'
import { readEvents } from '../../encoders/read-events.ts'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { startText } from '../../encoders/start-text.ts'

type Chunk = Readonly<Record<string, unknown>>

const toEvent = (chunk: OllamaChunk): GenerationEvent => ({ type: chunk.done === true ? 'done' : 'delta', line: '', chunk })
const encodeEvents = (events: readonly GenerationEvent[]) =>
  startText(uiMessageStream, { requestId: 'id.1', maxBytes: 1e6 })(events)
const read = (text: string) => readEvents([new TextEncoder().encode(text)])
/** Returns the chunks of a successful stream, after checking and removing `[DONE]`. */
const chunksOf = (...chunks: OllamaChunk[]): Chunk[] => {
  const data = read(encodeEvents(chunks.map(toEvent))).map((event) => event.data)
  if (chunks.at(-1)?.done === true) expect(data.pop()).toBe('[DONE]')
  return data.map((text) => JSON.parse(text) as Chunk)
}
const say = (message: object, rest: object = {}): OllamaChunk => ({
  message: { role: 'assistant', ...message },
  done: false,
  ...rest,
})
const done: OllamaChunk = say({ content: '' }, { done: true, done_reason: 'stop' })

/** Collects a message's pieces from the events. A piece is a call, or a run of one kind of text. */
function toPieces(events: readonly GenerationEvent[]) {
  const pieces: { kind: string; name?: string; texts: string[] }[] = []
  for (const event of events) {
    if (event.type === 'failed') continue
    const { thinking, content, tool_calls: calls = [] } = event.chunk.message ?? {}
    for (const [kind, text] of [
      ['reasoning', thinking],
      ['text', content],
    ] as const) {
      if (!text) continue
      if (pieces.at(-1)?.kind === kind) pieces.at(-1)!.texts.push(text)
      else pieces.push({ kind, texts: [text] })
    }
    for (const call of calls as { function: { name: string } }[])
      pieces.push({ kind: 'tool', name: call.function.name, texts: [] })
  }
  return pieces
}

encoderContract('the UI message stream', {
  encoder: uiMessageStream,
  read: (pieces) =>
    readEvents(pieces).map(({ event, id, data }) => {
      expect([event, id]).toEqual([undefined, undefined])
      return data === '[DONE]' ? data : (JSON.parse(data) as unknown)
    }),
  expected(events, requestId) {
    const last = events.at(-1)
    const pieces = toPieces(events)
    const isOpenAtEnd = last?.type !== 'done'
    let parts = 0
    let calls = 0
    const said = pieces.flatMap(({ kind, name, texts }, index): Chunk[] => {
      if (kind === 'tool')
        return [
          { type: 'tool-input-available', toolCallId: `call_${requestId}_${calls++}`, toolName: name, input: { done: true } },
        ]
      const id = `${kind}-${++parts}`
      const end = index === pieces.length - 1 && isOpenAtEnd ? [] : [{ type: `${kind}-end`, id }]
      return [{ type: `${kind}-start`, id }, ...texts.map((delta) => ({ type: `${kind}-delta`, id, delta })), ...end]
    })
    const begun = events.some(({ type }) => type !== 'failed') ? [{ type: 'start' }, { type: 'start-step' }] : []
    if (last?.type === 'failed') return [...begun, ...said, { type: 'error', errorText: last.error.message }]
    if (last?.type !== 'done') return [...begun, ...said]
    const { model, done_reason, eval_count } = last.chunk
    const reasons: Record<string, string> = { stop: 'stop', length: 'length', load: 'other' }
    const finishReason = done_reason !== 'length' && calls > 0 ? 'tool-calls' : reasons[done_reason ?? 'stop']
    const usage = eval_count === undefined ? {} : { outputTokens: eval_count }
    const messageMetadata = { model, done_reason, usage, timings: {} }
    return [...begun, ...said, { type: 'finish-step' }, { type: 'finish', finishReason, messageMetadata }, '[DONE]']
  },
})

describe('the UI message stream', () => {
  test('is the frames of the protocol, one chunk each', () => {
    expect(encodeEvents([say({ content: 'Hi' }), done].map(toEvent))).toBe(
      [
        '{"type":"start"}',
        '{"type":"start-step"}',
        '{"type":"text-start","id":"text-1"}',
        '{"type":"text-delta","id":"text-1","delta":"Hi"}',
        '{"type":"text-end","id":"text-1"}',
        '{"type":"finish-step"}',
        '{"type":"finish","finishReason":"stop","messageMetadata":{"done_reason":"stop","usage":{},"timings":{}}}',
        '[DONE]',
      ]
        .map((data) => `data: ${data}\n\n`)
        .join(''),
    )
  })

  test('has headers that name the protocol and turn off a proxy’s buffering', () => {
    expect(uiMessageStream).toMatchObject({ contentType: 'text/event-stream', opening: ':\n', heartbeat: ':\n' })
    expect(uiMessageStream.headers).toEqual({
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-vercel-ai-ui-message-stream': 'v1',
    })
  })

  test('has a new message id in each resumable stream, and is else the same', () => {
    const events = [say({ content: 'Hi' }), done].map(toEvent)
    const encode = () => startText(resumableUiMessageStream, { requestId: 'id.1', maxBytes: 1e6 })(events)
    const toId = (text: string) => /^data: {"type":"start","messageId":"(msg_[\da-f-]{36})"}\n/.exec(text)![1]!
    const [one, other] = [encode(), encode()]
    expect(toId(one)).not.toBe(toId(other))
    expect(one.replace(`,"messageId":"${toId(one)}"`, '')).toBe(encodeEvents(events))
  })

  test.each([[[]], [[say({ content: 'a' })]]])(
    'that was stopped after %j ends with an abort, and without any event of a success or an error',
    (chunks) => {
      const error = new ServiceError('cancelled', 'The answer was stopped')
      const data = read(encodeEvents([...chunks.map(toEvent), { type: 'failed', error }])).map((event) => event.data)
      expect(data.at(-1)).toBe('{"type":"abort","reason":"The answer was stopped"}')
      expect(data.join()).not.toMatch(/finish|DONE|error/)
    },
  )

  test('of an answer that nobody came back for ends with an error, because it is incomplete against the user’s will', () => {
    const error = new ServiceError('abandoned', 'nobody came back')
    expect(read(encodeEvents([{ type: 'failed', error }])).map((event) => event.data)).toEqual([
      '{"type":"error","errorText":"nobody came back"}',
    ])
  })

  test('closes a part before one of another kind, also within a line', () => {
    const types = chunksOf(say({ thinking: 'hm', content: 'a' }), say({ thinking: 'hm' }), done).map(({ type, id }) => [
      type,
      id,
    ])
    expect(types.slice(2, -2)).toEqual([
      ['reasoning-start', 'reasoning-1'],
      ['reasoning-delta', 'reasoning-1'],
      ['reasoning-end', 'reasoning-1'],
      ['text-start', 'text-2'],
      ['text-delta', 'text-2'],
      ['text-end', 'text-2'],
      ['reasoning-start', 'reasoning-3'],
      ['reasoning-delta', 'reasoning-3'],
      ['reasoning-end', 'reasoning-3'],
    ])
  })

  test('sends a tool call in one piece, with Ollama’s id or one made from the request’s id', () => {
    const call = (name: string, id?: string) => ({ ...(id && { id }), function: { name, arguments: { city: 'Tokyo' } } })
    const chunks = chunksOf(
      say({ content: 'Let me see' }),
      say({ content: '', tool_calls: [call('a', 'call_x')] }),
      // A call may come on the last line.
      say({ content: '', tool_calls: [call('b'), call('c')] }, { done: true, done_reason: 'stop' }),
    )
    expect(chunks.slice(4, -2)).toEqual([
      { type: 'text-end', id: 'text-1' },
      { type: 'tool-input-available', toolCallId: 'call_x', toolName: 'a', input: { city: 'Tokyo' } },
      { type: 'tool-input-available', toolCallId: 'call_id_1_1', toolName: 'b', input: { city: 'Tokyo' } },
      { type: 'tool-input-available', toolCallId: 'call_id_1_2', toolName: 'c', input: { city: 'Tokyo' } },
    ])
    expect(chunks.at(-1)).toMatchObject({ type: 'finish', finishReason: 'tool-calls' })
  })

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['load', 'other'],
    ['unload', 'other'],
    ['something new', 'other'],
    [undefined, 'stop'],
  ])('maps done_reason %s to finishReason %s', (done_reason, finishReason) => {
    const last = chunksOf({ ...done, done_reason } as OllamaChunk).at(-1)
    expect(last).toMatchObject({ type: 'finish', finishReason })
  })

  test('reports a call that the token limit cut', () => {
    const last = say({ content: '', tool_calls: [{ function: { name: 'a' } }] }, { done: true, done_reason: 'length' })
    expect(chunksOf(last).at(-1)).toMatchObject({ finishReason: 'length' })
  })

  test('ends with Ollama’s token counts, and its durations in milliseconds', () => {
    const chunks = toLines(loadRecording('chat-stream')).map((line) => JSON.parse(line) as OllamaChunk)
    const last = chunks.at(-1)! as Required<Record<string, number>>
    expect(chunksOf(...chunks).at(-1)!.messageMetadata).toEqual({
      model: 'gemma3:270m',
      done_reason: 'length',
      usage: {
        inputTokens: last.prompt_eval_count,
        outputTokens: last.eval_count,
        totalTokens: last.prompt_eval_count! + last.eval_count!,
      },
      timings: {
        totalMs: last.total_duration! / 1e6,
        loadMs: last.load_duration! / 1e6,
        promptEvalMs: last.prompt_eval_duration! / 1e6,
        evalMs: last.eval_duration! / 1e6,
      },
    })
  })

  test.each([[[]], [[say({ content: 'a' })]]])(
    'that fails after %j ends with an error event, and without any event of a success',
    (chunks) => {
      const error = new ServiceError('idle_timeout', 'Ollama fell silent for 120 s')
      const data = read(encodeEvents([...chunks.map(toEvent), { type: 'failed', error }])).map((event) => event.data)
      expect(data.at(-1)).toBe('{"type":"error","errorText":"Ollama fell silent for 120 s"}')
      expect(data.join()).not.toMatch(/finish|DONE/)
    },
  )
})

describe('the SDK', () => {
  test('accepts every frame as a UI message chunk', async () => {
    const { validate } = uiMessageChunkSchema()
    await fc.assert(
      fc.asyncProperty(generations, async (events) => {
        for (const { data } of read(encodeEvents(events))) {
          if (data === '[DONE]') continue
          const value = JSON.parse(data) as unknown
          // The validation is strict: it adds, removes and converts nothing.
          expect(await validate!(value)).toEqual({ success: true, value })
        }
      }),
    )
  })

  test('rebuilds every generation, and gets an error for every failure', async () => {
    await fc.assert(
      fc.asyncProperty(generations, async (events) => {
        const chunks = read(encodeEvents(events)).flatMap(({ data }) =>
          data === '[DONE]' ? [] : [JSON.parse(data) as UIMessageChunk],
        )
        const errors: unknown[] = []
        let message: UIMessage | undefined
        const stream = new ReadableStream<UIMessageChunk>({
          start(controller) {
            for (const chunk of chunks) controller.enqueue(chunk)
            controller.close()
          },
        })
        for await (const state of readUIMessageStream({ stream, onError: (error) => errors.push(error) })) message = state
        const parts = (message?.parts ?? []).filter(({ type }) => type !== 'step-start')
        expect(
          parts.map((part) => ('text' in part ? [part.type, part.text] : [part.type, 'toolCallId' in part && part.state])),
        ).toEqual(
          toPieces(events).map(({ kind, name, texts }) =>
            kind === 'tool' ? [`tool-${name}`, 'input-available'] : [kind, texts.join('')],
          ),
        )
        const last = events.at(-1)
        expect(errors).toEqual(last?.type === 'failed' ? [new Error(last.error.message)] : [])
      }),
    )
  })
})
