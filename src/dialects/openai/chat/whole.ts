import { folding } from '../../../encoders/folded.ts'
import { toToolCalls } from '../../../encoders/tool-calls.ts'
import { toEnvelope, toFinishReason, toId, toUsage } from '../envelope.ts'
import { toLogprobs } from '../logprobs.ts'

/** `stream: false`: https://platform.openai.com/docs/api-reference/chat/object */
export const chatWhole = folding(({ chunk }, { requestId }) => {
  const { content, thinking } = chunk.message ?? {}
  const calls = toToolCalls(chunk, requestId, 0).map(({ id, name, arguments: text }) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }))
  const message = {
    role: 'assistant',
    content: content ?? '',
    ...(thinking && { reasoning: thinking, reasoning_content: thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  const choice = {
    index: 0,
    message,
    logprobs: chunk.logprobs?.length ? { content: toLogprobs(chunk.logprobs, null) } : null,
    finish_reason: toFinishReason(chunk, calls.length),
  }
  const envelope = toEnvelope(chunk, { id: toId('chatcmpl', requestId), object: 'chat.completion' })
  return JSON.stringify({ ...envelope, choices: [choice], usage: toUsage(chunk) })
})
