import { describe, expect, test } from 'vitest'
import { chatCompletion } from '../../../src/dialects/openai/chat-completion.ts'
import { textCompletion } from '../../../src/dialects/openai/text-completion.ts'
import type { Encoder } from '../../../src/encoders/encoder.ts'
import { ServiceError } from '../../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../../src/generation.ts'
import { encoderContract } from '../../contracts/encoder.ts'
import { chunksOf, options, toEvent } from './read-chunks.ts'
import { startText } from '../../encoders/start-text.ts'

const readObject = (pieces: readonly Uint8Array[]): unknown[] => {
  const text = Buffer.concat(pieces).toString()
  return text === '' ? [] : [JSON.parse(text)]
}

const join = (texts: readonly (string | undefined)[]) => texts.map((text) => text ?? '').join('')

/** The chunks of a stream that ended well. */
function toChunks(events: readonly GenerationEvent[]): OllamaChunk[] | undefined {
  if (events.at(-1)?.type !== 'done') return undefined
  return events.flatMap((event) => (event.type === 'failed' ? [] : [event.chunk]))
}

function toWhole(chunks: readonly OllamaChunk[], id: string, object: string, choice: object) {
  const { eval_count: completion_tokens = 0 } = chunks.at(-1)!
  const whole = {
    id,
    object,
    created: Date.UTC(2026, 10, 22, 10, 13, 50) / 1000,
    model: 'gemma3:270m',
    system_fingerprint: 'fp_ollama',
    choices: [{ index: 0, ...choice }],
    usage: { prompt_tokens: 0, completion_tokens, total_tokens: completion_tokens },
  }
  return [JSON.parse(JSON.stringify(whole)) as unknown]
}

const toReason = (chunks: readonly OllamaChunk[], calls = 0) =>
  chunks.at(-1)!.done_reason === 'length' ? 'length' : calls > 0 ? 'tool_calls' : 'stop'

encoderContract('a chat completion', {
  encoder: chatCompletion,
  read: readObject,
  expected(events, requestId) {
    const chunks = toChunks(events)
    if (!chunks) return []
    const thinking = join(chunks.map(({ message }) => message?.thinking))
    const calls = chunks.flatMap(({ message }) => (message?.tool_calls ?? []) as { function: { name: string } }[])
    const logprobs = chunks.flatMap((chunk) => (chunk.logprobs ?? []) as object[])
    return toWhole(chunks, `chatcmpl-${requestId}`, 'chat.completion', {
      message: {
        role: 'assistant',
        content: join(chunks.map(({ message }) => message?.content)),
        ...(thinking && { reasoning: thinking, reasoning_content: thinking }),
        ...(calls.length > 0 && {
          tool_calls: calls.map((call, i) => ({
            id: `call_${requestId}_${i}`,
            type: 'function',
            function: { name: call.function.name, arguments: '{"done":true}' },
          })),
        }),
      },
      logprobs:
        logprobs.length > 0 ? { content: logprobs.map((entry) => ({ ...entry, bytes: null, top_logprobs: [] })) } : null,
      finish_reason: toReason(chunks, calls.length),
    })
  },
})

encoderContract('a text completion', {
  encoder: textCompletion,
  read: readObject,
  expected(events, requestId) {
    const chunks = toChunks(events)
    if (!chunks) return []
    const thinking = join(chunks.map((chunk) => chunk.thinking))
    return toWhole(chunks, `cmpl-${requestId}`, 'text_completion', {
      text: join(chunks.map(({ response }) => response)),
      ...(thinking && { reasoning: thinking }),
      logprobs: null,
      finish_reason: toReason(chunks),
    })
  },
})

describe('an answer in one piece', () => {
  const encode = (encoder: Encoder, name: string) =>
    JSON.parse(startText(encoder, options)(chunksOf(name).map(toEvent))) as Record<string, unknown>

  test('has the usage that Ollama counted', () => {
    const { prompt_eval_count, eval_count } = chunksOf('chat-stream').at(-1)!
    expect(encode(chatCompletion, 'chat-stream').usage).toEqual({
      prompt_tokens: prompt_eval_count,
      completion_tokens: eval_count,
      total_tokens: prompt_eval_count! + eval_count!,
    })
  })

  test('of a call has its arguments as text', () => {
    const called = { name: 'get_weather', arguments: '{"city":"Tokyo"}' }
    expect(encode(chatCompletion, 'chat-tool-call').choices).toMatchObject([
      { message: { tool_calls: [{ id: 'call_cknuxinu', type: 'function', function: called }] }, finish_reason: 'tool_calls' },
    ])
  })

  test('of a model that thinks has its thinking beside its text', () => {
    expect(encode(chatCompletion, 'chat-thinking').choices).toMatchObject([
      { message: { content: 'Blue.', reasoning: 'The user asks a simple question.' }, finish_reason: 'stop' },
    ])
  })

  test.each([chatCompletion, textCompletion])('is nothing if the stream fails: its status says so', (encoder) => {
    const failed = { type: 'failed', error: new ServiceError('internal', '') } as const
    expect(startText(encoder, options)([toEvent({ response: 'a', message: { content: 'a' } }), failed])).toBe('')
  })
})
