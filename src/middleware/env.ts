import type { ErrorCode } from '../errors.ts'
import type { Ended } from '../generation.ts'
import type { Cause } from './cause.ts'

/** What middleware leaves for the handlers behind it. */
export interface Env {
  Variables: {
    requestId: string
    /** The access log's line of this request, to be filled in. */
    entry: Entry
    /** Who asks, behind `keyGuard`. */
    principal: Principal
    /** The parsed body, behind `jsonBody`. */
    body: Record<string, unknown>
  }
}

/** A request's part of its line in the access log. It never holds a prompt, an output or a key. */
export interface Entry {
  /** The name of the key. */
  key?: string
  model?: string | undefined
  code?: ErrorCode
  /** What of the request was left out, as `x-sluice-ignored` says it. */
  ignored?: string
  /** The cause of an error, for whoever runs the server. */
  cause?: Cause
  ended?: Ended['how']
  /** Milliseconds from the request to the first token. */
  ttft_ms?: number
  tokens?: number
  bytes?: number
  /** Settles when the stream is over; the line is written then. */
  stream?: Promise<void>
}

/** The caller that a key names, and the globs of the models that the key may use. */
export interface Principal {
  /** The name of the key; empty where there are no keys. */
  readonly name: string
  /** undefined: every model that `SLUICE_MODELS` allows. */
  readonly models: readonly string[] | undefined
}
