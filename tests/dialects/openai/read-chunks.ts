import { expect } from 'vitest'
import type { GenerationEvent, OllamaChunk } from '../../../src/generation.ts'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { readEvents } from '../../encoders/read-events.ts'

/**
 * Returns the parsed data of each event of a stream, and `[DONE]` as text. The events may have no
 * other fields.
 */
export function readChunks(pieces: readonly Uint8Array[]): unknown[] {
  return readEvents(pieces).map(({ event, data, id }) => {
    expect({ event, id }).toEqual({ event: undefined, id: undefined })
    return data === '[DONE]' ? data : (JSON.parse(data) as unknown)
  })
}

export const toEvent = (chunk: OllamaChunk): GenerationEvent => ({
  type: chunk.done === true ? 'done' : 'delta',
  line: JSON.stringify(chunk),
  chunk,
})

export const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as OllamaChunk)

/** Makes the error's envelope independently of our code. */
export function toError(event: Extract<GenerationEvent, { type: 'failed' }>) {
  return { error: { message: event.error.message, type: 'server_error', code: event.error.code, param: null } }
}

export const options = { requestId: 'id-1', maxBytes: 1e9 }
