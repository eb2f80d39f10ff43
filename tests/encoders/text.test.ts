import { describe, expect, test } from 'vitest'
import { text } from '../../src/encoders/text.ts'
import { ServiceError } from '../../src/errors.ts'
import type { GenerationEvent } from '../../src/generation.ts'
import { encoderContract } from '../contracts/encoder.ts'
import { startFrames } from './start-text.ts'

const options = { requestId: 'id-1', maxBytes: 1e6 }
const toText = (event: GenerationEvent) =>
  event.type === 'failed' ? '' : event.chunk.response || event.chunk.message?.content || ''

encoderContract('text', {
  encoder: text,
  read: (pieces) => [Buffer.concat(pieces).toString()].filter((whole) => whole !== ''),
  expected: (events) => [events.map(toText).join('')].filter((whole) => whole !== ''),
})

describe('text', () => {
  test.each([
    ['generate', { response: 'Hi' }],
    ['chat', { message: { content: 'Hi' } }],
  ])('of %s is only the generated text', (_name, chunk) => {
    expect(startFrames(text, options)([{ type: 'delta', line: '', chunk }])).toEqual(['Hi'])
  })

  test('has no thinking, no tool call and no statistics', () => {
    const events: GenerationEvent[] = [
      { type: 'delta', line: '', chunk: { thinking: 'hm', response: '' } },
      { type: 'delta', line: '', chunk: { message: { content: '', thinking: 'hm', tool_calls: [{}] } } },
      { type: 'done', line: '', chunk: { response: '', done: true, eval_count: 3 } },
    ]
    expect(startFrames(text, options)(events)).toEqual([])
  })

  test('writes nothing for a failure: the response is cut', () => {
    const error = new ServiceError('upstream_failed', 'it died')
    expect(startFrames(text, options)([{ type: 'failed', error }])).toEqual([])
    expect(text.failure).toBe('cut')
  })
})
