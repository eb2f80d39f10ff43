import type { Encoder } from '../encoders/encoder.ts'
import type { ServiceError } from '../errors.ts'
import type { GenerationCall } from '../generation.ts'
import type { Answer, Question } from '../upstreams/upstream.ts'

export interface GenerationRequest {
  /** The `Accept` header. */
  readonly accept: string | undefined
  /** The `Prefer` header. */
  readonly prefer?: string | undefined
  /** Whether a response can be broken, which a framing without a frame for failures needs. */
  readonly canCut: boolean
  readonly body: Readonly<Record<string, unknown>>
}

/** A request, translated: what is asked of the upstream, and how its answer is written. */
export interface GenerationPlan {
  readonly call: GenerationCall
  readonly encoder: Encoder
}

export interface QuestionRequest {
  /** What the parameters of the path's pattern matched, decoded. */
  readonly params: Readonly<Record<string, string>>
  /** Empty where the route takes none. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface QuestionPlan {
  readonly question: Question
  /** Ollama's answer in this dialect; without it, Ollama's own text. @throws ServiceError `model_not_found` */
  toAnswer?(answer: Answer): object
}

/** An error before commit. A text goes out as `text/plain`, an object as JSON. */
export interface Failure {
  readonly status: number
  readonly body: object | string
}

type QuestionRoute = `${'GET' | 'POST' | 'DELETE'} /${string}`

/** What is spoken at some paths: the requests' shapes, the answers' framing, and the error envelope. */
export interface Dialect {
  /** Whether errors at this path are told in this dialect, whatever they are: also of paths where there is nothing. */
  owns(path: string): boolean
  /** By exact path, all POST. @throws ServiceError `invalid_request`, with `issues` that say where; `not_supported` */
  readonly generations: Readonly<Record<`/${string}`, (request: GenerationRequest) => GenerationPlan>>
  /** What has one JSON object as its answer, by method and path pattern (`GET /v1/models/:id`). Throws as `generations`. */
  readonly questions: Readonly<Record<QuestionRoute, (request: QuestionRequest) => QuestionPlan>>
  toFailure(error: ServiceError, requestId: string): Failure
  /** Where its clients look for a request's id, beside `x-request-id`. */
  readonly requestIdHeader?: string
}
