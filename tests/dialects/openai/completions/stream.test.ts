import { describe, expect, test } from 'vitest'
import { completionStream, completionStreamWithUsage } from '../../../../src/dialects/openai/completions/stream.ts'
import type { Encoder } from '../../../../src/encoders/encoder.ts'
import type { GenerationEvent } from '../../../../src/generation.ts'
import { encoderContract } from '../../../contracts/encoder.ts'
import { chunksOf, options, readChunks, toError, toEvent } from '../read-chunks.ts'
import { startText } from '../../../encoders/start-text.ts'

function toExpected(events: readonly GenerationEvent[], requestId: string, includeUsage: boolean) {
  const told: unknown[] = []
  const created = events[0]?.type === 'done' ? Date.UTC(2026, 10, 22, 10, 13, 50) / 1000 : 0
  const tell = (more: object) =>
    told.push({
      id: `cmpl-${requestId}`,
      object: 'text_completion',
      created,
      model: 'gemma3:270m',
      system_fingerprint: 'fp_ollama',
      ...(includeUsage && { usage: null }),
      ...more,
    })
  for (const event of events) {
    if (event.type === 'failed') {
      told.push(toError(event))
      continue
    }
    const { response = '', thinking, done_reason, eval_count: completion_tokens = 0 } = event.chunk
    const reasoning = thinking ? { reasoning: thinking } : {}
    if (response || thinking) tell({ choices: [{ index: 0, text: response, ...reasoning, finish_reason: null }] })
    if (event.type !== 'done') continue
    tell({ choices: [{ index: 0, text: '', finish_reason: done_reason === 'length' ? 'length' : 'stop' }] })
    if (includeUsage) tell({ choices: [], usage: { prompt_tokens: 0, completion_tokens, total_tokens: completion_tokens } })
    told.push('[DONE]')
  }
  return told
}

const framings: readonly (readonly [name: string, encoder: Encoder, includeUsage: boolean])[] = [
  ['completion chunks', completionStream, false],
  ['completion chunks with usage', completionStreamWithUsage, true],
]
for (const [name, encoder, includeUsage] of framings)
  encoderContract(name, {
    encoder,
    read: readChunks,
    expected: (events, requestId) => toExpected(events, requestId, includeUsage),
  })

describe('completion chunks', () => {
  test.each(['generate-stream', 'generate-html', 'generate-length'])('of a recording have its text: %s', (name) => {
    const chunks = chunksOf(name)
    const told = readChunks([Buffer.from(startText(completionStream, options)(chunks.map(toEvent)))]) as {
      choices: { text: string; finish_reason: string | null }[]
    }[]
    expect(told.pop()).toBe('[DONE]')
    expect(told.map(({ choices }) => choices[0]!.text).join('')).toBe(chunks.map(({ response }) => response).join(''))
    expect(told.at(-1)!.choices[0]!.finish_reason).toBe(chunks.at(-1)!.done_reason)
  })
})
