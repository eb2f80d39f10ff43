import { folding } from '../../encoders/folded.ts'
import { toEnvelope, toFinishReason, toId, toUsage } from './envelope.ts'

/** A completed text in one piece: https://platform.openai.com/docs/api-reference/completions/object */
export const textCompletion = folding(({ chunk }, { requestId }) => {
  const { response, thinking } = chunk
  const reasoning = thinking ? { reasoning: thinking } : {}
  const choice = { index: 0, text: response ?? '', ...reasoning, logprobs: null, finish_reason: toFinishReason(chunk) }
  const envelope = toEnvelope(chunk, { id: toId('cmpl', requestId), object: 'text_completion' })
  return JSON.stringify({ ...envelope, choices: [choice], usage: toUsage(chunk) })
})
