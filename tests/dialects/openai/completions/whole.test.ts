import { expect, test } from 'vitest'
import { completionWhole } from '../../../../src/dialects/openai/completions/whole.ts'
import { ServiceError } from '../../../../src/errors.ts'
import { encoderContract } from '../../../contracts/encoder.ts'
import { startText } from '../../../encoders/start-text.ts'
import { options, toEvent } from '../read-chunks.ts'
import { join, readObject, toChunks, toReason, toWhole } from '../read-whole.ts'

encoderContract('a text completion', {
  encoder: completionWhole,
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

test('an answer in one piece is empty if the stream fails: the status reports the failure', () => {
  const failed = { type: 'failed', error: new ServiceError('internal', '') } as const
  expect(startText(completionWhole, options)([toEvent({ response: 'a' }), failed])).toBe('')
})
