import { describe, expect, test } from 'vitest'
import { createChatStream } from '../../../../src/dialects/openai/chat/stream.ts'
import { ServiceError } from '../../../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../../../src/generation.ts'
import { encoderContract } from '../../../contracts/encoder.ts'
import { chunksOf, options, readChunks, toError, toEvent } from '../read-chunks.ts'
import { startText } from '../../../encoders/start-text.ts'

const chatStream = createChatStream(new Map(), { includeUsage: false })
const chatStreamWithUsage = createChatStream(new Map(), { includeUsage: true })

interface Logprob {
  token: string
  logprob: number
}
interface Call {
  function: { name: string; arguments: object }
}

/** Makes the expected chunks of all events. Each chunk is built as a whole object. */
function toExpected(events: readonly GenerationEvent[], requestId: string, includeUsage: boolean) {
  const told: unknown[] = []
  const created = events[0]?.type === 'done' ? Date.UTC(2026, 10, 22, 10, 13, 50) / 1000 : 0
  const tell = (more: object) =>
    told.push({
      id: `chatcmpl-${requestId}`,
      object: 'chat.completion.chunk',
      created,
      model: 'gemma3:270m',
      system_fingerprint: 'fp_ollama',
      ...(includeUsage && { usage: null }),
      ...more,
    })
  const choose = (delta: object, finish_reason: string | null = null, more: object = {}) =>
    tell({ choices: [{ index: 0, delta, ...more, finish_reason }] })

  let calls = 0
  events.forEach((event, i) => {
    if (event.type === 'failed') return told.push(toError(event))
    if (i === 0) choose({ role: 'assistant', content: '' })
    const { message, logprobs, done_reason, eval_count: completion_tokens = 0 } = event.chunk
    const delta = {
      ...(message?.thinking && { reasoning: message.thinking, reasoning_content: message.thinking }),
      ...(message?.content && { content: message.content }),
      ...(message?.tool_calls?.length && {
        tool_calls: (message.tool_calls as Call[]).map((call) => ({
          index: calls,
          id: `call_${requestId}_${calls++}`,
          type: 'function',
          function: { name: call.function.name, arguments: JSON.stringify(call.function.arguments) },
        })),
      }),
    }
    const content = ((logprobs ?? []) as Logprob[]).map(({ token, logprob }) => ({
      token,
      logprob,
      bytes: null,
      top_logprobs: [],
    }))
    if (Object.keys(delta).length > 0 || content.length > 0)
      choose(delta, null, content.length > 0 ? { logprobs: { content } } : {})
    if (event.type !== 'done') return
    choose({}, done_reason === 'length' ? 'length' : calls > 0 ? 'tool_calls' : 'stop')
    if (includeUsage) tell({ choices: [], usage: { prompt_tokens: 0, completion_tokens, total_tokens: completion_tokens } })
    told.push('[DONE]')
  })
  // The expected value is converted to JSON and back, because JSON.stringify turns -0 into 0.
  return JSON.parse(JSON.stringify(told)) as unknown[]
}

encoderContract('chat completion chunks', {
  encoder: chatStream,
  read: readChunks,
  expected: (events, requestId) => toExpected(events, requestId, false),
})

encoderContract('chat completion chunks with usage', {
  encoder: chatStreamWithUsage,
  read: readChunks,
  expected: (events, requestId) => toExpected(events, requestId, true),
})

interface Chunk {
  choices: { delta: Record<string, unknown>; logprobs?: unknown; finish_reason: string | null }[]
}

const encode = (chunks: readonly OllamaChunk[], encoder = chatStream) => startText(encoder, options)(chunks.map(toEvent))
const read = (chunks: readonly OllamaChunk[]) => readChunks([Buffer.from(encode(chunks))])
const choicesOf = (chunks: readonly OllamaChunk[]) =>
  read(chunks)
    .filter((chunk) => chunk !== '[DONE]')
    .flatMap((chunk) => (chunk as Chunk).choices)
const deltasOf = (chunks: readonly OllamaChunk[]) => choicesOf(chunks).map(({ delta }) => delta)

describe('chat completion chunks', () => {
  test('are these bytes', () => {
    const created_at = '2026-11-22T10:13:50.5655263Z'
    const chunks = [
      { model: 'm', created_at, message: { content: 'Hi' }, done: false },
      {
        model: 'm',
        created_at,
        message: { content: '' },
        done: true,
        done_reason: 'stop',
        prompt_eval_count: 3,
        eval_count: 2,
      },
    ]
    const head =
      '{"id":"chatcmpl-id-1","object":"chat.completion.chunk","created":1795342430,"model":"m","system_fingerprint":"fp_ollama"'
    const frame = (choice: string) => `data: ${head},"choices":[${choice}],"usage":null}\n\n`
    expect(encode(chunks, chatStreamWithUsage)).toBe(
      frame('{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}') +
        frame('{"index":0,"delta":{"content":"Hi"},"finish_reason":null}') +
        frame('{"index":0,"delta":{},"finish_reason":"stop"}') +
        `data: ${head},"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n` +
        'data: [DONE]\n\n',
    )
  })

  test('name the role only in the first chunk', () => {
    const roles = deltasOf(chunksOf('chat-stream')).map((delta) => delta.role)
    expect(roles[0]).toBe('assistant')
    expect(roles.slice(1).filter((role) => role !== undefined)).toEqual([])
  })

  test.each(['chat-stream', 'chat-history', 'chat-thinking', 'chat-thinking-off', 'chat-tool-call'])(
    'of a recording have its text and thinking: %s',
    (name) => {
      const chunks = chunksOf(name)
      const deltas = deltasOf(chunks)
      const join = (texts: readonly unknown[]) => (texts as (string | undefined)[]).map((text) => text ?? '').join('')
      expect(join(deltas.map(({ content }) => content))).toBe(join(chunks.map(({ message }) => message?.content)))
      const thinking = join(chunks.map(({ message }) => message?.thinking))
      expect(join(deltas.map(({ reasoning }) => reasoning))).toBe(thinking)
      expect(join(deltas.map((delta) => delta.reasoning_content))).toBe(thinking)
    },
  )

  test('keep Ollama’s id of a call', () => {
    expect(deltasOf(chunksOf('chat-tool-call'))[1]).toEqual({
      tool_calls: [
        {
          index: 0,
          id: 'call_0v2e5mnj',
          type: 'function',
          function: { name: 'get_weather', arguments: '{"city":"Tokyo"}' },
        },
      ],
    })
  })

  test('lose neither the text nor the calls of the last line', () => {
    const call = { function: { name: 'f', arguments: { a: 1 } } }
    const choices = choicesOf([{ message: { content: 'x' } }, { message: { content: 'y', tool_calls: [call] }, done: true }])
    expect(choices.map(({ delta }) => delta.content)).toEqual(['', 'x', 'y', undefined])
    expect(choices[2]!.delta.tool_calls).toMatchObject([{ index: 0, function: { name: 'f', arguments: '{"a":1}' } }])
    expect(choices.at(-1)).toEqual({ index: 0, delta: {}, finish_reason: 'tool_calls' })
  })

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    [undefined, 'stop'],
  ])('done_reason %s is finish_reason %s', (done_reason, reason) => {
    expect(choicesOf([{ done: true, ...(done_reason && { done_reason }) }]).at(-1)!.finish_reason).toBe(reason)
  })

  test('have logprobs in OpenAI’s shape, also for tokens without text', () => {
    const logprobs = [{ token: 'é', logprob: -1, bytes: [195, 169], top_logprobs: [{ token: 'e', logprob: -2, bytes: [101] }] }]
    const [, first, second] = choicesOf([
      { message: { content: '' }, logprobs },
      { message: { content: 'é' }, logprobs },
    ])
    expect(first).toEqual({ index: 0, delta: {}, logprobs: { content: logprobs }, finish_reason: null })
    expect(second).toMatchObject({ delta: { content: 'é' }, logprobs: { content: logprobs } })
  })

  test('of a failed stream end with an error, and have neither a finish_reason nor [DONE]', () => {
    const error = new ServiceError('idle_timeout', 'silent')
    const text = startText(chatStream, options)([toEvent({ message: { content: 'a' } }), { type: 'failed', error }])
    expect(text).toMatch(
      /\n\ndata: \{"error":\{"message":"silent","type":"server_error","code":"idle_timeout","param":null\}\}\n\n$/,
    )
    expect(text).not.toMatch(/DONE|"finish_reason":"/)
  })
})
