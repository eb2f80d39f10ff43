import { toFrame } from '../../encoders/frame.ts'
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
 * An answer as a stream of chunks. What does not change is written once, so that a token costs little more than its own
 * JSON. Success ends with a finish reason, the usage if it was asked for, and `[DONE]`; failure with an error and nothing
 * after it (docs/protocol.md §6).
 */
export function createChunks({ idPrefix, object, start }: ChunkKind, { includeUsage }: { includeUsage: boolean }): Encoder {
  const rest = includeUsage ? '],"usage":null}' : ']}'
  return {
    ...eventStream,
    start({ requestId, emit }) {
      const id = toId(idPrefix, requestId)
      const pieces = start(requestId)
      let head = ''
      let choice = ''

      function emitChoice(members: string, finishReason: string) {
        emit(toFrame(`${choice}${members},"finish_reason":${finishReason}}${rest}`))
      }

      function open(chunk: OllamaChunk) {
        head = `${JSON.stringify(toEnvelope(chunk, { id, object })).slice(0, -1)},"choices":[`
        choice = `${head}{"index":0,`
        if (pieces.first) emitChoice(pieces.first, 'null')
      }

      function close(chunk: OllamaChunk) {
        emitChoice(pieces.last, `"${pieces.toFinishReason(chunk)}"`)
        if (includeUsage) emit(toFrame(`${head}],"usage":${JSON.stringify(toUsage(chunk))}}`))
        emit(toFrame('[DONE]'))
      }

      return (batch) => {
        for (const event of batch) {
          if (event.type === 'failed') return emit(toFrame(JSON.stringify(toOpenAIError(event.error))))
          if (head === '') open(event.chunk)
          const piece = pieces.toPiece(event.chunk)
          if (piece !== '') emitChoice(piece, 'null')
          if (event.type === 'done') close(event.chunk)
        }
      }
    },
  }
}
