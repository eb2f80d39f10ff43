import type { ErrorCode } from '../errors.ts'
import type { CallNotes, Ended } from '../generation.ts'
import type { Stream } from '../relay/stream.ts'
import type { Cause } from './cause.ts'
import type { Quota, Verdict } from './limits.ts'
import type { StreamToken } from './stream-tokens.ts'

/** The variables that middleware sets for later handlers. */
export interface Env {
  Variables: {
    requestId: string
    /** This request's entry in the access log. Handlers fill it in. */
    entry: Entry
    /** The caller. `principalGuard` sets it. */
    principal: Principal
    /** The parsed body. `jsonBody` sets it. */
    body: Record<string, unknown>
    /** The length of the decoded body. `jsonBody` sets it. */
    bodyBytes: number
    /** The trace of the request. Undefined if it has none. */
    trace?: Trace
    /** What the request has taken from the limits of its caller. */
    verdict?: Verdict
    /** True if another place answers the request. That place also writes the line of the log. */
    isElsewhere?: true
    /** The stream of the answer. Undefined if the answer is complete when the handler returns. */
    stream?: Stream
  }
}

/**
 * The fields of an access log line that depend on the request. They never contain a prompt, an
 * output or the secret of a key.
 */
export interface Entry extends CallNotes {
  /** The name of the key. */
  key?: string
  /** The API of a generation or of a question, as `Dialect.name`. */
  surface?: string
  code?: ErrorCode
  /** The fields of the request that were ignored, as in the header `x-sluice-ignored`. */
  ignored?: string
  /** The cause of an error. Only the log contains it. */
  cause?: Cause
  ended?: Ended['how']
  /** The id of the trace, of the reader or of Sluice itself. */
  trace_id?: string
  /** Milliseconds from the request to the first token. */
  ttft_ms?: number
  /** How many tokens the request had, as Ollama counted them. */
  tokens_in?: number
  /** How many tokens the answer has. */
  tokens?: number
  /**
   * True if `tokens` are counted pieces of text, because Ollama did not come to count its tokens.
   */
  estimated?: true
  /** True if the request reads an answer that another request has started. */
  resumed?: true
  /** How many readers a resumable answer has had. */
  viewers?: number
  /** How long a resumable answer went on without a reader, in milliseconds. */
  detached_ms?: number
  bytes?: number
}

/** The trace of a request (W3C Trace Context). */
export interface Trace {
  readonly id: string
  /** The headers `traceparent` and `tracestate` for Ollama. */
  readonly headers: Readonly<Record<string, string>>
  /** Undefined if no spans of the request are recorded. */
  readonly spans?: Spans | undefined
}

/**
 * Decides whether the spans of a request are recorded. `isParentSampled` is the reader's decision,
 * and undefined if the request has no parent.
 */
export type Sampler = (traceId: string, isParentSampled: boolean | undefined) => boolean

/**
 * What the log does not know of the spans of a request: the request's own, and that of Ollama's
 * work.
 */
export interface Spans {
  /** The span of the reader. Undefined if the trace begins here. */
  readonly parentId: string | undefined
  readonly serverId: string
  readonly clientId: string
  /** When the request arrived, in milliseconds of Unix time. */
  readonly startedAt: number
  /** What has happened when, in milliseconds after the arrival. */
  readonly events: readonly SpanEvent[]
  note(name: SpanEvent['name']): void
}

/** `ask`: Ollama is asked. `failover`: a host has failed, and another one is asked. */
export interface SpanEvent {
  readonly name: 'ask' | 'failover'
  readonly afterMs: number
}

/** A caller, identified by its key or by the app around Sluice. */
export interface Principal {
  /**
   * The name of the key or of the caller: the log has it, the limits count by it, and the runs of
   * the caller belong to it. It is empty if there are no keys.
   */
  readonly name: string
  /**
   * Globs of the models that the caller may use. If it is undefined, the caller may use every model
   * that `SLUICE_MODELS` allows.
   */
  readonly models?: readonly string[] | undefined
  /** Whether the caller may see and do what only an operator may. */
  readonly admin?: boolean | undefined
  /** The limits of this caller, where they are not the general ones. 0 means no limit. */
  readonly quota?: Partial<Quota> | undefined
  /** The hash of the secret of the caller's key. Undefined if the caller has shown no secret. */
  readonly sha256?: string | undefined
  /** What the caller's stream token allows. Undefined for a key. */
  readonly token?: StreamToken | undefined
}
