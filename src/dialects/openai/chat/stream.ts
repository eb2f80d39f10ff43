import type { Encoder } from '../../../encoders/encoder.ts'
import { toToolCalls } from '../../../encoders/tool-calls.ts'
import { createChunks, type ChunkKind, type ChunkOptions } from '../chunks.ts'
import { toFinishReason } from '../envelope.ts'
import { toLogprobs } from '../logprobs.ts'
import { toChatToolCall, type Origins } from '../tools.ts'

const createChat = (origins: Origins): ChunkKind => ({
  idPrefix: 'chatcmpl',
  object: 'chat.completion.chunk',
  start(requestId) {
    let callCount = 0
    return {
      first: { delta: { role: 'assistant', content: '' } },
      toChoice(chunk) {
        const { content, thinking, tool_calls } = chunk.message ?? {}
        const logprobs = chunk.logprobs?.length ? { logprobs: { content: toLogprobs(chunk.logprobs, null) } } : undefined
        if (!tool_calls && !logprobs) return toTokenChoice(content, thinking)
        const calls = toToolCalls(chunk, requestId, callCount).map((call, i) => ({
          index: callCount + i,
          ...toChatToolCall(call, origins),
        }))
        callCount += calls.length
        const delta = {
          ...(thinking && { reasoning: thinking, reasoning_content: thinking }),
          ...(content && { content }),
          ...(calls.length > 0 && { tool_calls: calls }),
        }
        return logprobs || Object.keys(delta).length > 0 ? { delta, ...logprobs } : ''
      },
      last: { delta: {} },
      toFinishReason: (chunk) => toFinishReason(chunk, callCount),
    }
  },
})

/**
 * Thinking is sent in two fields, because some clients read only `reasoning`, and others only
 * `reasoning_content`.
 */
function toTokenChoice(content: string | undefined, thinking: string | undefined): string {
  const text = content ? `"content":${JSON.stringify(content)}` : ''
  if (!thinking) return text && `"delta":{${text}}`
  const thought = JSON.stringify(thinking)
  return `"delta":{"reasoning":${thought},"reasoning_content":${thought}${text && `,${text}`}}`
}

/** https://platform.openai.com/docs/api-reference/chat-streaming/streaming */
export function createChatStream(origins: Origins, options: ChunkOptions): Encoder {
  return createChunks(createChat(origins), options)
}
