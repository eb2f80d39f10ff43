import { ServiceError, toServiceError } from '../errors.ts'
import { parseExact } from '../exact-json.ts'
import type { Batch, GenerationEvent, OllamaChunk } from '../generation.ts'
import { hasShape } from './chunk-shape.ts'
import { createLineDecoder } from './line-decoder.ts'
import { toMessage } from './upstream-error.ts'

/** Turns pieces of bytes into batches of events. */
export interface Decoder {
  push(bytes: Uint8Array): Batch
  end(): Batch
}

export interface DecoderOptions {
  maxLineBytes: number
  /** Whether a line ends the stream successfully. The default tests whether `done` is true. */
  isDone?(chunk: OllamaChunk): boolean
}

/** The batch between two calls. It is never filled. */
const none: GenerationEvent[] = []

const isLast = ({ done }: OllamaChunk) => done === true

/**
 * Decodes Ollama's NDJSON into events. It never throws. A fault becomes a last event of type
 * `failed`. After a terminal event, all further bytes are ignored. `isDone` reads the parsed
 * top-level fields and not the text, because the arguments of a tool call may contain
 * `"done":true`.
 */
export function createDecoder({ maxLineBytes, isDone = isLast }: DecoderOptions): Decoder {
  let batch = none
  let isEnded = false
  const lines = createLineDecoder({ maxLineBytes, onLine })

  function onLine(line: string) {
    if (isEnded || line.trim() === '') return
    const event = toEvent(line, isDone)
    if (event.type !== 'delta') isEnded = true
    batch.push(event)
  }

  function fail(error: unknown) {
    if (!isEnded) batch.push({ type: 'failed', error: toServiceError(error) })
    isEnded = true
  }

  /**
   * Returns the events that `decode` pushes. Each call makes a new array. An array that waited for
   * the next call would move to V8's old space, and its events with it (docs/hazards.md#90).
   */
  function toBatch(decode: () => void): Batch {
    if (isEnded) return none
    batch = []
    try {
      decode()
    } catch (error) {
      fail(error)
    }
    const decoded = batch
    batch = none
    return decoded
  }

  return {
    push: (bytes) => toBatch(() => lines.push(bytes)),
    end: () => toBatch(lines.end),
  }
}

function toEvent(line: string, isDone: (chunk: OllamaChunk) => boolean): GenerationEvent {
  const chunk = parseChunk(line)
  if (chunk instanceof ServiceError) return { type: 'failed', error: chunk }
  if (chunk.error !== undefined) {
    const message = toMessage(chunk.error) ?? 'Ollama failed and did not say why; look at its log'
    return { type: 'failed', error: new ServiceError('upstream_failed', message), line }
  }
  if (!hasShape(chunk)) {
    const message = 'Cannot read the answer of Ollama: a field of a line has the wrong type'
    return { type: 'failed', error: new ServiceError('upstream_protocol', message) }
  }
  const type = isDone(chunk) ? 'done' : 'delta'
  return { type, line, chunk: type === 'done' || hasNumbers(chunk) ? (parseExact(line, chunk) as OllamaChunk) : chunk }
}

/**
 * Whether a chunk contains numbers that encoders copy into frames. Such a chunk must be parsed
 * again with exact numbers. The chunk of a text token contains no such numbers.
 */
function hasNumbers({ message, logprobs }: OllamaChunk): boolean {
  return Boolean(message?.tool_calls ?? logprobs)
}

function parseChunk(line: string): OllamaChunk | ServiceError {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    return new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: a line is not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: a line is not a JSON object')
  }
  return value as OllamaChunk
}
