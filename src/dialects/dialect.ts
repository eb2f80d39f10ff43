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
  /**
   * Whether the runtime can break the connection of a response. An encoder with `failure: 'cut'`
   * needs this.
   */
  readonly canCut: boolean
  readonly body: Readonly<Record<string, unknown>>
}

/** The wish of a request that its answer goes on without a reader, as OpenAI's `background`. */
export interface Background {
  /**
   * Whether the request wants the answer itself. Otherwise it wants only the state of the answer.
   */
  readonly isStream: boolean
  /** Returns the state of an answer that has no token yet. */
  toQueued(runId: string): object
}

/** A translated request: the request for Ollama, and the encoder for the answer. */
export interface GenerationPlan {
  readonly call: GenerationCall
  readonly encoder: Encoder
  /** The ignored parts of the request. Absent if the request is passed on to Ollama unchanged. */
  readonly ignored?: Ignored
  /** Whether the frames are so large that the answer is not kept for resuming. */
  readonly isTooLargeToKeep?: boolean
  /** The caller's own name for the answer. A resumable answer can be found by this name. */
  readonly chat?: string
  /** Present if the answer goes on without a reader. The encoder then writes an event stream. */
  readonly background?: Background
}

export interface QuestionRequest {
  /** The `Prefer` header. */
  readonly prefer?: string | undefined
  /** The decoded path parameters, such as `id` in `/v1/models/:id`. */
  readonly params: Readonly<Record<string, string>>
  /** The parsed body. It is empty if the route has no body. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface QuestionPlan {
  readonly question: Question
  /** The ignored parts of the request. Absent if the request is passed on to Ollama unchanged. */
  readonly ignored?: Ignored
  /**
   * Converts Ollama's answer. If this is absent, the answer is passed on unchanged.
   * @throws ServiceError `model_not_found`, `upstream_protocol`
   */
  toAnswer?(answer: Answer): object
}

/** An error response. A string is sent as `text/plain`, an object as JSON. */
export interface Failure {
  readonly status: number
  readonly body: object | string
}

type QuestionRoute = `${'GET' | 'POST' | 'DELETE'} /${string}`

/** An API that clients use: its requests, the format of its answers, and its errors. */
export interface Dialect {
  /** The name of the API, for the log and for counters. */
  readonly name: string
  /**
   * The dialect serves this path and all paths below it. Every error there has the error format of
   * this dialect, even if the path has no route. If several prefixes match a path, the longest one
   * wins. The empty prefix matches every path.
   */
  readonly prefix: '' | `/${string}`
  /**
   * Functions that plan a generation, by exact path. The method is always POST.
   * @throws ServiceError `invalid_request`, `not_supported`
   */
  readonly generations: Readonly<Record<`/${string}`, (request: GenerationRequest) => GenerationPlan>>
  /**
   * Functions that plan all other requests, by method and path pattern (`GET /v1/models/:id`). The
   * answer is one JSON object.
   */
  readonly questions: Readonly<Record<QuestionRoute, (request: QuestionRequest) => QuestionPlan>>
  toFailure(error: ServiceError, requestId: string): Failure
  /** The name of the response header in which clients of this API expect the request id. */
  readonly requestIdHeader?: string
}

/**
 * The error response in Sluice's format, for dialects whose API defines no error format
 * (docs/protocol.md#4-errors).
 */
export function toServiceFailure(error: ServiceError, requestId: string): Failure {
  return { status: error.status, body: toErrorBody(error, requestId) }
}
