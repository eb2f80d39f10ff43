import type { ErrorCode } from '../errors.ts'
import type { Ended } from '../generation.ts'
import type { Stream } from '../relay/stream.ts'
import type { Cause } from './cause.ts'

/** What middleware sets for the handlers behind it. */
export interface Env {
  Variables: {
    requestId: string
    /** This request's entry in the access log. Handlers fill it in. */
    entry: Entry
    /** The caller. `keyGuard` sets it. */
    principal: Principal
    /** The parsed body. `jsonBody` sets it. */
    body: Record<string, unknown>
    /** The stream of the answer. Without a stream the answer is over at once. */
    stream?: Stream
  }
}

/** A request's part of its line in the access log. It never holds a prompt, an output or a key. */
export interface Entry {
  /** The name of the key. */
  key?: string
  model?: string | undefined
  code?: ErrorCode
  /** The parts of the request that were left out, as `x-sluice-ignored` names them. */
  ignored?: string
  /** The cause of an error, for the person who runs the server. */
  cause?: Cause
  ended?: Ended['how']
  /** Milliseconds from the request to the first token. */
  ttft_ms?: number
  tokens?: number
  bytes?: number
}

/** The caller that a key names, and the globs of the models that the key may use. */
export interface Principal {
  /** The name of the key; empty where there are no keys. */
  readonly name: string
  /** undefined: every model that `SLUICE_MODELS` allows. */
  readonly models: readonly string[] | undefined
}
