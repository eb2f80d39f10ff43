import type { Encoder } from '../encoders/encoder.ts'
import { toErrorBody, type ServiceError } from '../errors.ts'
import type { GenerationCall } from '../generation.ts'
import type { Answer, Question } from '../upstreams/upstream.ts'
import type { Ignored } from './ignored.ts'

export interface GenerationRequest {
  /** The `Accept` header. */
  readonly accept: string | undefined
  /** The `Prefer` header. */
  readonly prefer?: string | undefined
  /** Whether the runtime can break a response. An encoder whose failures are cuts needs that. */
  readonly canCut: boolean
  readonly body: Readonly<Record<string, unknown>>
}

/** A translated request: what to ask of the upstream, and how to write its answer. */
export interface GenerationPlan {
  readonly call: GenerationCall
  readonly encoder: Encoder
  /** What is left out. Absent for Ollama's own requests, which are passed on as they are. */
  readonly ignored?: Ignored
}

export interface QuestionRequest {
  /** The `Prefer` header. */
  readonly prefer?: string | undefined
  /** The decoded parameters of the path's pattern. */
  readonly params: Readonly<Record<string, string>>
  /** The body. It is empty for a route that takes none. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface QuestionPlan {
  readonly question: Question
  /** As in a generation's plan. */
  readonly ignored?: Ignored
  /**
   * Makes the answer. If this is absent, Ollama's own text is sent. @throws ServiceError
   * `model_not_found`
   */
  toAnswer?(answer: Answer): object
}

/** An error before commit. A string is sent as `text/plain`, an object as JSON. */
export interface Failure {
  readonly status: number
  readonly body: object | string
}

type QuestionRoute = `${'GET' | 'POST' | 'DELETE'} /${string}`

/** An API that clients speak: its requests, the framing of its answers, its errors. */
export interface Dialect {
  /**
   * Where the dialect is spoken: at this path and below it. Every error there has this dialect's
   * envelope, also at a path without a route. If several prefixes match a path, the longest wins.
   * '' matches every path.
   */
  readonly prefix: '' | `/${string}`
  /** The plans by exact path, all POST. @throws ServiceError `invalid_request`, `not_supported` */
  readonly generations: Readonly<Record<`/${string}`, (request: GenerationRequest) => GenerationPlan>>
  /** The plans by method and path pattern (`GET /v1/models/:id`). An answer is one JSON object. */
  readonly questions: Readonly<Record<QuestionRoute, (request: QuestionRequest) => QuestionPlan>>
  toFailure(error: ServiceError, requestId: string): Failure
  /** A header with the request's id, where this dialect's clients look for it. */
  readonly requestIdHeader?: string
}

/**
 * The envelope of the dialects that have no error format of their own (docs/protocol.md#4-errors).
 */
export function toServiceFailure(error: ServiceError, requestId: string): Failure {
  return { status: error.status, body: toErrorBody(error, requestId) }
}
