import { folding } from '../../../encoders/folded.ts'
import { toEnvelope, toFinishReason, toId, toUsage } from '../envelope.ts'

/** `stream: false`: https://platform.openai.com/docs/api-reference/completions/object */
export const completionWhole = folding(({ chunk }, { requestId }) => {
  const { response, thinking } = chunk
  const choice = {
    index: 0,
    text: response ?? '',
    ...(thinking && { reasoning: thinking }),
    logprobs: null,
    finish_reason: toFinishReason(chunk),
  }
  const envelope = toEnvelope(chunk, { id: toId('cmpl', requestId), object: 'text_completion' })
  return JSON.stringify({ ...envelope, choices: [choice], usage: toUsage(chunk) })
})
