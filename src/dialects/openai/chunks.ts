import { eventStream } from '../../encoders/sse.ts'
import type { Encoder } from '../../encoders/encoder.ts'
import type { OllamaChunk } from '../../generation.ts'
import { toOpenAIError } from '../openai-failure.ts'
import { toEnvelope, toId, toUsage } from './envelope.ts'

/** How one of the APIs tells of an answer, piece by piece. */
export interface ChunkKind {
  readonly idPrefix: 'chatcmpl' | 'cmpl'
  readonly object: string
  start(requestId: string): Pieces
}

/** Each piece is JSON text of members of a choice, such as `"text":"Hel"`; empty if there is nothing to tell. */
export interface Pieces {
  readonly first: string
  toPiece(chunk: OllamaChunk): string
  readonly last: string
  toFinishReason(chunk: OllamaChunk): string
}

/**
 * An answer as a stream of chunks: what does not change is written once, so that a token costs little more than its own JSON. Success
 * ends with a finish reason, the usage if it was asked for, and `[DONE]`; failure with an error and nothing after it (docs/protocol.md §6).
 */
export function createChunks({ idPrefix, object, start }: ChunkKind, { includeUsage }: { includeUsage: boolean }): Encoder {
  const rest = includeUsage ? '],"usage":null}\n\n' : ']}\n\n'
  return {
    ...eventStream,
    start({ requestId }) {
      const id = toId(idPrefix, requestId)
      const pieces = start(requestId)
      const next = `,"finish_reason":null}${rest}`
      let head = ''
      let choice = ''

      function open(chunk: OllamaChunk): string {
        head = `data: ${JSON.stringify(toEnvelope(chunk, { id, object })).slice(0, -1)},"choices":[`
        choice = `${head}{"index":0,`
        return pieces.first && choice + pieces.first + next
      }

      function close(chunk: OllamaChunk): string {
        const finish = `${choice}${pieces.last},"finish_reason":"${pieces.toFinishReason(chunk)}"}${rest}`
        const usage = includeUsage ? `${head}],"usage":${JSON.stringify(toUsage(chunk))}}\n\n` : ''
        return `${finish}${usage}data: [DONE]\n\n`
      }

      return (batch) => {
        let frames = ''
        for (const event of batch) {
          if (event.type === 'failed') return `${frames}data: ${JSON.stringify(toOpenAIError(event.error))}\n\n`
          if (head === '') frames += open(event.chunk)
          const piece = pieces.toPiece(event.chunk)
          if (piece !== '') frames += choice + piece + next
          if (event.type === 'done') frames += close(event.chunk)
        }
        return frames
      }
    },
  }
}
