import { describe, expect, test } from 'vitest'
import { messageWhole } from '../../../src/dialects/anthropic/whole.ts'
import type { GenerationEvent, OllamaChunk } from '../../../src/generation.ts'
import { encoderContract } from '../../contracts/encoder.ts'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { startText } from '../../encoders/start-text.ts'

const toEvent = (chunk: OllamaChunk): GenerationEvent => ({
  type: chunk.done === true ? 'done' : 'delta',
  line: JSON.stringify(chunk),
  chunk,
})
const encode = (chunks: readonly OllamaChunk[]) =>
  JSON.parse(startText(messageWhole, { requestId: 'id.1', maxBytes: 1e6 })(chunks.map(toEvent))) as { content: object[] }

interface Call {
  readonly id?: string
  readonly function: { readonly name: string; readonly arguments: unknown }
}

function toExpected(chunks: readonly OllamaChunk[], requestId: string) {
  const join = (texts: readonly (string | undefined)[]) => texts.map((text) => text ?? '').join('')
  const thinking = join(chunks.map((chunk) => chunk.message?.thinking))
  const text = join(chunks.map((chunk) => chunk.message?.content))
  const calls = chunks.flatMap((chunk) => (chunk.message?.tool_calls ?? []) as Call[])
  const { model, done_reason, prompt_eval_count = 0, eval_count = 0 } = chunks.at(-1)!
  return {
    id: `msg_${requestId}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [
      ...(thinking ? [{ type: 'thinking', thinking, signature: '' }] : []),
      ...(text ? [{ type: 'text', text }] : []),
      ...calls.map(({ id, function: { name, arguments: input } }, i) => ({
        type: 'tool_use',
        id: id ?? `call_${requestId}_${i}`,
        name,
        input,
      })),
    ],
    stop_reason: done_reason === 'length' ? 'max_tokens' : calls.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: prompt_eval_count, output_tokens: eval_count },
  }
}

encoderContract('a message of Anthropic’s', {
  encoder: messageWhole,
  read(pieces) {
    const text = Buffer.concat(pieces).toString()
    return text === '' ? [] : [JSON.parse(text) as unknown]
  },
  expected(events, requestId) {
    if (events.at(-1)?.type !== 'done') return []
    const chunks = events.flatMap((event) => (event.type === 'failed' ? [] : [event.chunk]))
    // The answer was parsed from JSON, so the expected value is converted to JSON and back.
    return [JSON.parse(JSON.stringify(toExpected(chunks, requestId)))]
  },
})

describe('a message of Anthropic’s', () => {
  test.each(['chat-stream', 'chat-once', 'chat-thinking', 'chat-thinking-once', 'chat-tool-call', 'chat-tool-call-once'])(
    '%s: contains all text, thinking and calls',
    (name) => {
      const chunks = toLines(loadRecording(name)).map((line) => JSON.parse(line) as OllamaChunk)
      expect(encode(chunks)).toEqual(toExpected(chunks, 'id_1'))
    },
  )

  test('has no block for an empty answer', () => {
    expect(encode([{ model: 'm', message: { content: '' }, done: true }]).content).toEqual([])
  })
})
