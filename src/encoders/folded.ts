import { ServiceError } from '../errors.ts'
import type { OllamaChunk } from '../generation.ts'
import type { Encoder } from './encoder.ts'

/**
 * `stream:false`: all the lines as one object, written at the success terminal and not before, so that every failure has its real status
 * (docs/protocol.md §2). Text, thinking, tool calls and logprobs are concatenated in order; the other fields are those of the last line.
 */
export const folded: Encoder = {
  contentType: 'application/json',
  headers: { 'cache-control': 'no-cache' },
  opening: '',
  heartbeat: '',
  start({ maxBytes }) {
    const fold = createFold()
    let gathered = 0
    return (batch) => {
      for (const event of batch) {
        if (event.type === 'failed') return ''
        gathered += fold.add(event)
        if (gathered > maxBytes) {
          throw new ServiceError(
            'line_too_long',
            `Cannot answer in one piece: the answer is longer than ${maxBytes} bytes; ask for a stream`,
          )
        }
        if (event.type === 'done') return JSON.stringify(fold.finish(event.chunk))
      }
      return ''
    }
  },
}

function createFold() {
  const top = { response: '', thinking: '' }
  const message = { content: '', thinking: '' }
  let lastMessage: OllamaChunk['message']
  const toolCalls: unknown[] = []
  const logprobs: unknown[] = []

  return {
    /** Gives how many bytes of memory that takes, about. */
    add({ line, chunk }: { line: string; chunk: OllamaChunk }): number {
      const { message: part } = chunk
      const response = chunk.response ?? ''
      const thinking = chunk.thinking ?? ''
      lastMessage = part ?? lastMessage
      top.response += response
      top.thinking += thinking
      message.content += part?.content ?? ''
      message.thinking += part?.thinking ?? ''
      if (!part?.tool_calls && !chunk.logprobs)
        return (part?.content?.length ?? 0) + (part?.thinking?.length ?? 0) + response.length + thinking.length
      toolCalls.push(...(part?.tool_calls ?? []))
      logprobs.push(...(chunk.logprobs ?? []))
      return line.length
    },
    finish(last: OllamaChunk): OllamaChunk {
      return {
        ...last,
        ...(('response' in last || top.response) && { response: top.response }),
        ...(top.thinking && { thinking: top.thinking }),
        ...(lastMessage && {
          message: {
            ...lastMessage,
            content: message.content,
            ...(message.thinking && { thinking: message.thinking }),
            ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
          },
        }),
        ...(logprobs.length > 0 && { logprobs }),
      }
    },
  }
}
