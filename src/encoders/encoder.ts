import type { Batch, Waiting } from '../generation.ts'

export interface StartOptions {
  readonly requestId: string
  /** How much an encoder may gather before it writes. @throws ServiceError `line_too_long` past it */
  readonly maxBytes: number
}

/** A framing: how events are written for a reader. Its parts are constants and a pure function, so one serves any number of streams. */
export interface Encoder {
  readonly contentType: string
  /** Response headers beside the content type. */
  readonly headers: Readonly<Record<string, string>>
  /** First bytes of a stream, due when grace ends. Empty: it commits only with its first frames. */
  readonly opening: string
  /** What is written after a silence. Empty: nothing. */
  readonly heartbeat: string
  /** Begins a stream: gives the function from its batches to their frames. The text may be empty. */
  start(options: StartOptions): (batch: Batch) => string
  /** What tells a reader, that has asked for it, of the wait before the first event. `elapsedMs`: since the request. */
  toStatus?(status: Waiting, elapsedMs: number): string
}

/** What keeps a proxy from holding a stream back: nginx by its own header, others by the standard one. */
export const streamHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' } as const
