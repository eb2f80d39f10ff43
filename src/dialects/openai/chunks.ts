import type { Encoder } from '../../encoders/encoder.ts'
import { toFrame } from '../../encoders/frame.ts'
import { eventStream } from '../../encoders/sse.ts'
import type { OllamaChunk } from '../../generation.ts'
import { toEnvelope, toId, toUsage } from './envelope.ts'
import { toErrorBody } from './failure.ts'

/** What differs between the chunks of chat and those of completions. */
export interface ChunkKind {
  readonly idPrefix: 'chatcmpl' | 'cmpl'
  readonly object: string
  start(requestId: string): Choices
}

/** The choices of one stream, each without its `index` and its `finish_reason`. */
export interface Choices {
  /** Comes before the first token. */
  readonly first?: object
  /**
   * The choice of a line; '' if there is nothing to tell. For a token it is the JSON text of the
   * choice's members, such as `"text":"Hel"`, because that costs less than an object.
   */
  toChoice(chunk: OllamaChunk): string | object
  /** Comes with the finish reason. */
  readonly last: object
  toFinishReason(chunk: OllamaChunk): string
}

export interface ChunkOptions {
  readonly includeUsage: boolean
}

/**
 * A stream of chunks. Success ends with a finish reason, the usage if it was asked for, and
 * `[DONE]`. A failure ends with an error and nothing after it (docs/protocol.md#6-dialects).
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
      /**
       * A token's JSON up to its text. It is made once for a stream, so that a token costs little.
       */
      let tokenHead = ''

      function emitJson(value: object) {
        emit(toFrame(JSON.stringify(value)))
      }

      function emitChoice(choice: object, finish_reason: string | null) {
        emitJson({ ...envelope, choices: [{ index: 0, ...choice, finish_reason }], ...noUsage })
      }

      function begin(chunk: OllamaChunk) {
        envelope = toEnvelope(chunk, { id, object })
        // The choice stays open for the token's members. So its end is cut off, and with it the
        // ends of the list and of the chunk.
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
