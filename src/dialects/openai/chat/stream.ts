import type { OllamaChunk } from '../../generation.ts'
import { toToolCalls } from '../tool-calls.ts'
import { createChunks, type ChunkKind } from './chunks.ts'
import { toFinishReason } from './envelope.ts'
import { toLogprobs } from './logprobs.ts'

const chat: ChunkKind = {
  idPrefix: 'chatcmpl',
  object: 'chat.completion.chunk',
  start(requestId) {
    let calls = 0

    function toCalls(chunk: OllamaChunk): string {
      const told = toToolCalls(chunk, requestId, calls).map(({ id, name, arguments: text }, i) => ({
        index: calls + i,
        id,
        type: 'function',
        function: { name, arguments: text },
      }))
      calls += told.length
      return told.length > 0 ? `"tool_calls":${JSON.stringify(told)}` : ''
    }

    return {
      first: '"delta":{"role":"assistant","content":""}',
      toPiece(chunk) {
        const { message, logprobs } = chunk
        const text = toText(message)
        if (!message?.tool_calls && !logprobs) return text && `"delta":{${text}}`
        const delta = [text, toCalls(chunk)].filter((part) => part !== '').join(',')
        if (!logprobs?.length) return delta && `"delta":{${delta}}`
        return `"delta":{${delta}},"logprobs":${JSON.stringify(toLogprobs(logprobs))}`
      },
      last: '"delta":{}',
      toFinishReason: (chunk) => toFinishReason(chunk, calls),
    }
  },
}

/** Thinking by both of its names: clients know one or the other. */
function toText(message: OllamaChunk['message'] | null): string {
  const { content, thinking } = message ?? {}
  if (!thinking) return content ? `"content":${JSON.stringify(content)}` : ''
  const thought = JSON.stringify(thinking)
  return `"reasoning":${thought},"reasoning_content":${thought}${content ? `,"content":${JSON.stringify(content)}` : ''}`
}

/** https://platform.openai.com/docs/api-reference/chat-streaming/streaming */
export const chatChunks = createChunks(chat, { includeUsage: false })
export const chatChunksWithUsage = createChunks(chat, { includeUsage: true })
