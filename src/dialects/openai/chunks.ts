import type { Encoder } from '../../encoders/encoder.ts'
import { toFrame } from '../../encoders/frame.ts'
import { eventStream } from '../../encoders/sse.ts'
import type { OllamaChunk } from '../../generation.ts'
import { toEnvelope, toId, toUsage } from './envelope.ts'
import { toErrorBody } from './failure.ts'

/** The differences between the streams of `/chat/completions` and of `/completions`. */
export interface ChunkKind {
  readonly idPrefix: 'chatcmpl' | 'cmpl'
  readonly object: string
  start(requestId: string): Choices
}

/** The choices of one stream, each without its `index` and its `finish_reason`. */
export interface Choices {
  /** The choice that is sent before the first token. */
  readonly first?: object
  /**
   * Returns the choice for one line of Ollama, or '' if there is nothing to send. The choice for a
   * plain token is JSON text without braces, such as `"text":"Hel"`. Such a text is written faster
   * than an object.
   */
  toChoice(chunk: OllamaChunk): string | object
  /** The choice that is sent with the finish reason. */
  readonly last: object
  toFinishReason(chunk: OllamaChunk): string
}

export interface ChunkOptions {
  readonly includeUsage: boolean
}

/**
 * A stream of OpenAI's chunks. A successful stream ends with the finish reason, the usage (if the
 * client asked for it) and `[DONE]`. A failed stream ends with an error frame
 * (docs/protocol.md#6-dialects).
 */
export function createChunks({ idPrefix, object, start }: ChunkKind, { includeUsage }: ChunkOptions): Encoder {
  const noUsage = includeUsage ? { usage: null } : {}
  const tokenTail = `,"finish_reason":null}]${includeUsage ? ',"usage":null' : ''}}`
  return {
    ...eventStream,
    start({ requestId, emit }) {
      const id = toId(idPrefix, requestId)
      const choices = start(requestId)
      let envelope: object | undefined
      /** The JSON of a token up to its text. It is made once, to save time on each token. */
      let tokenHead = ''

      function emitJson(value: object) {
        emit(toFrame(JSON.stringify(value)))
      }

      function emitChoice(choice: object, finish_reason: string | null) {
        emitJson({ ...envelope, choices: [{ index: 0, ...choice, finish_reason }], ...noUsage })
      }

      function begin(chunk: OllamaChunk) {
        envelope = toEnvelope(chunk, { id, object })
        // The token's fields are inserted into the choice. So the closing brackets of the choice,
        // the list and the chunk are removed here. `tokenTail` adds them again.
        tokenHead = `${JSON.stringify({ ...envelope, choices: [{ index: 0 }] }).slice(0, -'}]}'.length)},`
        if (choices.first) emitChoice(choices.first, null)
      }

      function finish(chunk: OllamaChunk) {
        emitChoice(choices.last, choices.toFinishReason(chunk))
        if (includeUsage) emitJson({ ...envelope, choices: [], usage: toUsage(chunk) })
        emit(toFrame('[DONE]'))
      }

      return (batch) => {
        for (const event of batch) {
          if (event.type === 'failed') return emitJson(toErrorBody(event.error))
          if (!envelope) begin(event.chunk)
          const choice = choices.toChoice(event.chunk)
          if (typeof choice !== 'string') emitChoice(choice, null)
          else if (choice !== '') emit(toFrame(`${tokenHead}${choice}${tokenTail}`))
          if (event.type === 'done') finish(event.chunk)
        }
      }
    },
  }
}
