import type { Batch, Waiting } from '../generation.ts'

export interface StartOptions {
  readonly requestId: string
  /** How much an encoder may gather before it writes, in bytes. */
  readonly maxBytes: number
  /** Receives the frames, one by one: an SSE event, a line, or a piece of text each. */
  readonly emit: (frame: string) => void
}

/** Encodes the next batch of a stream. @throws ServiceError `line_too_long` if it would gather more than `maxBytes` */
export type Encode = (batch: Batch) => void

/**
 * A framing: how events are written for a reader. Its parts are constants and a pure function, so one encoder serves
 * any number of streams.
 */
export interface Encoder {
  readonly contentType: string
  /** Response headers beside the content type. */
  readonly headers: Readonly<Record<string, string>>
  /** First bytes of a stream, due when grace ends. Empty: the stream commits only with its first frame. */
  readonly opening: string
  /** What is written after a silence. Empty: nothing. */
  readonly heartbeat: string
  /**
   * How a reader learns of a failure after commit. `told`: by a frame, and then the response ends cleanly. `cut`: the
   * framing has no frame for a failure, so the response breaks.
   */
  readonly failure: 'told' | 'cut'
  /** Begins a stream. */
  start(options: StartOptions): Encode
  /** Writes what a stream waits for before its first event. `elapsedMs` counts from the request. */
  toStatus?(status: Waiting, elapsedMs: number): string
}

/** These headers keep a proxy from holding a stream back: nginx knows its own, other proxies the standard one. */
export const streamHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' } as const
