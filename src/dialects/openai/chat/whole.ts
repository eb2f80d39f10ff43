import { folding } from '../../../encoders/folded.ts'
import { toToolCalls } from '../../../encoders/tool-calls.ts'
import { toEnvelope, toFinishReason, toId, toUsage } from '../envelope.ts'
import { toLogprobs } from '../logprobs.ts'
import { toChatToolCall, type Origins } from '../tools.ts'

/** `stream: false`: https://platform.openai.com/docs/api-reference/chat/object */
export const createChatWhole = (origins: Origins) =>
  folding(({ chunk }, { requestId }) => {
    const { content, thinking } = chunk.message ?? {}
    const calls = toToolCalls(chunk, requestId, 0).map((call) => toChatToolCall(call, origins))
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
