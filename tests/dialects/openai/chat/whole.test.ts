import { describe, expect, test } from 'vitest'
import { createChatWhole } from '../../../../src/dialects/openai/chat/whole.ts'
import { ServiceError } from '../../../../src/errors.ts'
import { encoderContract } from '../../../contracts/encoder.ts'
import { startText } from '../../../encoders/start-text.ts'
import { chunksOf, options, toEvent } from '../read-chunks.ts'
import { join, readObject, toChunks, toReason, toWhole } from '../read-whole.ts'

const chatWhole = createChatWhole(new Map())

encoderContract('a chat completion', {
  encoder: chatWhole,
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

describe('a chat’s answer in one piece', () => {
  const encode = (name: string) =>
    JSON.parse(startText(chatWhole, options)(chunksOf(name).map(toEvent))) as Record<string, unknown>

  test('has the usage that Ollama counted', () => {
    const { prompt_eval_count, eval_count } = chunksOf('chat-stream').at(-1)!
    expect(encode('chat-stream').usage).toEqual({
      prompt_tokens: prompt_eval_count,
      completion_tokens: eval_count,
      total_tokens: Number(prompt_eval_count) + Number(eval_count),
    })
  })

  test('with a tool call has the arguments as text', () => {
    const called = { name: 'get_weather', arguments: '{"city":"Tokyo"}' }
    expect(encode('chat-tool-call').choices).toMatchObject([
      { message: { tool_calls: [{ id: 'call_0v2e5mnj', type: 'function', function: called }] }, finish_reason: 'tool_calls' },
    ])
  })

  test('of a model that thinks has its thinking beside its text', () => {
    expect(encode('chat-thinking').choices).toMatchObject([
      { message: { content: 'Blue.', reasoning: 'The user asks a simple question.' }, finish_reason: 'stop' },
    ])
  })

  test('is empty if the stream fails: the status reports the failure', () => {
    const failed = { type: 'failed', error: new ServiceError('internal', '') } as const
    expect(startText(chatWhole, options)([toEvent({ message: { content: 'a' } }), failed])).toBe('')
  })
})
