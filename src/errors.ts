/**
 * The HTTP status of every error code (docs/protocol.md#4-errors). For `upstream_rejected` and
 * `upstream_busy`, a status that Ollama sent replaces the status in this table.
 */
export const statuses = {
  invalid_json: 400,
  invalid_request: 400,
  not_supported: 400,
  unauthorized: 401,
  forbidden: 403,
  forbidden_origin: 403,
  forbidden_host: 403,
  not_found: 404,
  method_not_allowed: 405,
  body_too_large: 413,
  unsupported_encoding: 415,
  rate_limited: 429,
  too_many_streams: 503,
  no_model: 503,
  model_not_found: 404,
  misconfigured: 503,
  upstream_rejected: 400,
  upstream_busy: 503,
  upstream_unreachable: 502,
  upstream_failed: 502,
  upstream_truncated: 502,
  no_tool_call: 502,
  upstream_protocol: 502,
  line_too_long: 502,
  first_token_timeout: 504,
  idle_timeout: 504,
  total_timeout: 504,
  cancelled: 499,
  abandoned: 499,
  not_resumable: 409,
  log_dropped: 410,
  log_lost: 410,
  producer_lost: 502,
  store_unavailable: 503,
  shutting_down: 503,
  internal: 500,
} as const

export type ErrorCode = keyof typeof statuses

/**
 * One thing that is wrong with a request. `path` says where, for example `messages.0.content`.
 */
export interface Issue {
  path: string
  message: string
}

interface ServiceErrorOptions {
  /**
   * A more exact cause than `code`. If the API of a dialect has an error code for this cause, the
   * dialect sends that code.
   */
  reason?: 'context_length_exceeded'
  /** Overrides the status in the table `statuses`, for example with the status that Ollama sent. */
  status?: number
  /**
   * The status that Ollama sent. The routes under `/ollama` can send it to the client
   * (docs/protocol.md#5-ollama-drop-in).
   */
  upstreamStatus?: number
  issues?: Issue[]
  retryAfterSeconds?: number
  /** The seconds of the `Retry-After` that Ollama sent. */
  upstreamRetryAfterSeconds?: number | undefined
  /** The methods that a route allows, for the `Allow` header of a `method_not_allowed`. */
  allow?: string
  cause?: unknown
}

/**
 * A failure that Sluice reports to a client. The client sees `message`. It never sees `cause`, so
 * internal details belong in `cause`.
 */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly reason: 'context_length_exceeded' | undefined
  readonly status: number
  readonly upstreamStatus: number | undefined
  readonly issues: Issue[] | undefined
  readonly retryAfterSeconds: number | undefined
  readonly upstreamRetryAfterSeconds: number | undefined
  readonly allow: string | undefined

  constructor(code: ErrorCode, message: string, options: ServiceErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'ServiceError'
    this.code = code
    this.reason = options.reason
    this.status = options.status ?? statuses[code]
    this.upstreamStatus = options.upstreamStatus
    this.issues = options.issues
    this.retryAfterSeconds = options.retryAfterSeconds
    this.upstreamRetryAfterSeconds = options.upstreamRetryAfterSeconds
    this.allow = options.allow
  }
}

/**
 * Converts a thrown value into a ServiceError. A ServiceError is returned unchanged. Any other
 * value becomes the `cause` of an `internal` error, so the client does not see the text of the
 * value.
 */
export function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  return new ServiceError('internal', 'Something went wrong inside Sluice; its log has more under this request id', {
    cause: error,
  })
}

/**
 * Sluice's own error format. It is the body of an error response. In a stream that has already
 * begun, it is the data of an `event: failed`.
 */
export interface ErrorBody {
  error: string
  code: ErrorCode
  request_id: string
  issues?: Issue[]
}

export function toErrorBody({ message, code, issues }: ServiceError, requestId: string): ErrorBody {
  return { error: message, code, request_id: requestId, ...(issues && { issues }) }
}

/**
 * The error for an Ollama stream that ends cleanly but without `done:true`. Such an end is a
 * failure (docs/ollama.md#3-errors).
 */
export function truncated(): ServiceError {
  return new ServiceError(
    'upstream_truncated',
    'Ollama ended its answer without finishing it, so the answer is not whole; ask again',
  )
}
