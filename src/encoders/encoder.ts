import type { Batch, Waiting } from '../generation.ts'

export interface StartOptions {
  readonly requestId: string
  /** How much an encoder may gather before it writes, in bytes. */
  readonly maxBytes: number
  /** Receives each frame: an SSE event, a line, or a piece of text. */
  readonly emit: (frame: string) => void
}

/**
 * Encodes the next batch of a stream.
 * @throws ServiceError `line_too_long` if it would gather more than `maxBytes`
 */
export type Encode = (batch: Batch) => void

/**
 * A framing says how events are written for a reader. One encoder serves any number of
 * streams, because its parts are constants and pure functions.
 */
export interface Encoder {
  readonly contentType: string
  /** Response headers beside the content type. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * The first bytes of a stream, due when grace ends. If they are empty, the stream commits only
   * with its first frame.
   */
  readonly opening: string
  /** What is written after a silence. If it is empty, nothing is written. */
  readonly heartbeat: string
  /**
   * How a reader learns of a failure after commit. `frame`: a frame says so, and then the response
   * ends cleanly. `cut`: the framing has no frame for a failure, so the response breaks.
   */
  readonly failure: 'frame' | 'cut'
  /** Begins a stream. */
  start(options: StartOptions): Encode
  /**
   * Writes the frame that says what a stream waits for before its first event. `elapsedMs` counts
   * from the request.
   */
  toStatus?(status: Waiting, elapsedMs: number): string
}

/**
 * These headers keep a proxy from holding a stream back. nginx has a header of its own, and other
 * proxies read the standard one.
 */
export const streamHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' } as const
