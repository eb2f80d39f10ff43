import type { Batch, Waiting } from '../generation.ts'

export interface StartOptions {
  readonly requestId: string
  /** The maximum number of bytes that an encoder may buffer. */
  readonly maxBytes: number
  /** Receives each frame: an SSE event, a line, or a piece of text. */
  readonly emit: (frame: string) => void
}

/**
 * Encodes the next batch of a stream.
 * @throws ServiceError `line_too_long` if the encoder would buffer more than `maxBytes`
 */
export type Encode = (batch: Batch) => void

/**
 * Defines how the events of a stream are written for the client (the framing). An encoder has no
 * state of its own, so one encoder serves any number of streams.
 */
export interface Encoder {
  readonly contentType: string
  /** Response headers in addition to the content type. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * The bytes that begin a stream. If there is still no frame when the grace period ends, Sluice
   * sends the 200 status with these bytes. If they are empty, it waits for the first frame instead.
   */
  readonly opening: string
  /** What is written when there was no output for a while. If it is empty, nothing is written. */
  readonly heartbeat: string
  /**
   * How the client learns of a failure after the 200 status was sent. `frame`: a frame reports the
   * failure, and then the response ends cleanly. `cut`: the framing has no frame for a failure, so
   * Sluice breaks the connection.
   */
  readonly failure: 'frame' | 'cut'
  /** Begins a stream. */
  start(options: StartOptions): Encode
  /**
   * Returns the frame that reports what a stream waits for before its first event. `elapsedMs` is
   * the time since the request arrived.
   */
  toStatus?(status: Waiting, elapsedMs: number): string
}

/**
 * These headers tell proxies not to buffer the stream. nginx reads `x-accel-buffering`, other
 * proxies read `cache-control`.
 */
export const streamHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' } as const
