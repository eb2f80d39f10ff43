import { ServiceError } from '../errors.ts'
import { parseExact } from '../exact-json.ts'
import type { OllamaChunk } from '../generation.ts'
import type { Encoder, StartOptions } from './encoder.ts'

/**
 * A whole generation as one object. Text, thinking, tool calls and logprobs are joined from all
 * lines, in order. All other fields come from the last line.
 */
export interface Whole {
  readonly chunk: OllamaChunk
  /** The line as Ollama sent it, if the whole answer was one line. */
  readonly line: string | undefined
}

/**
 * The framing of `stream:false`. All lines are joined into one object in Ollama's format
 * (docs/protocol.md#2-native).
 */
export const folded = folding(({ line, chunk }) => line ?? JSON.stringify(chunk))

/**
 * Creates an encoder that answers with one JSON body. `write` returns the text of this body.
 * Nothing is sent before the generation has succeeded, so a failure can still set the HTTP status.
 */
export function folding(write: (whole: Whole, options: StartOptions) => string): Encoder {
  return {
    contentType: 'application/json',
    headers: { 'cache-control': 'no-cache' },
    opening: '',
    heartbeat: '',
    failure: 'frame',
    start(options) {
      const { maxBytes, emit } = options
      const fold = createFold()
      let gathered = 0
      return (batch) => {
        for (const event of batch) {
          if (event.type === 'failed') return
          gathered += fold.add(event)
          if (gathered > maxBytes) {
            throw new ServiceError(
              'line_too_long',
              `Cannot answer in one piece: the answer is longer than ${maxBytes} bytes; ask for a stream`,
            )
          }
          if (event.type === 'done') emit(write(fold.finish(event), options))
        }
      }
    },
  }
}

interface Line {
  readonly line: string
  readonly chunk: OllamaChunk
}

function createFold() {
  const top = { response: '', thinking: '' }
  const message = { content: '', thinking: '' }
  /** The last line that has a `message`. */
  let withMessage: Line | undefined
  let lineCount = 0
  const toolCalls: unknown[] = []
  const logprobs: unknown[] = []

  return {
    /** Adds a line. Returns approximately how many bytes this line adds to the memory. */
    add({ line, chunk }: Line): number {
      const { message: part } = chunk
      const response = chunk.response ?? ''
      const thinking = chunk.thinking ?? ''
      lineCount++
      if (part) withMessage = { line, chunk }
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
    finish({ line, chunk: last }: Line): Whole {
      if (lineCount === 1) return { line, chunk: last }
      const lastMessage = withMessage && (parseExact(withMessage.line, withMessage.chunk) as OllamaChunk).message
      const chunk = {
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
      return { line: undefined, chunk }
    },
  }
}
