import type { Encoder } from '../encoders/encoder.ts'
import type { ServiceError } from '../errors.ts'
import type { GenerationCall } from '../generation.ts'

export interface DialectRequest {
  readonly path: string
  /** The `Accept` header. */
  readonly accept: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

/** What is spoken at a path: the request's shape, the answer's framing, and the error envelope. */
export interface Dialect {
  /** The exact paths, all POST, that are generations in this dialect. */
  readonly paths: readonly string[]
  /** @throws ServiceError `invalid_request`, with `issues` that say where */
  parse(request: DialectRequest): { call: GenerationCall; encoder: Encoder }
  /** The body of an early error. */
  toErrorBody(error: ServiceError, requestId: string): object
}
