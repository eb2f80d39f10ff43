import type { ServiceError } from '../../errors.ts'
import type { Failure } from '../dialect.ts'

/**
 * The body of an error response, and the data of an `error` event in a stream:
 * https://docs.claude.com/en/api/errors. Sluice adds only `code`.
 */
export function toErrorBody(error: ServiceError, requestId: string) {
  const { message, code } = error
  return { type: 'error', error: { type: toType(error), message, code }, request_id: requestId }
}

export function toFailure(error: ServiceError, requestId: string): Failure {
  return { status: error.status, body: toErrorBody(error, requestId) }
}

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  499: 'api_error', // somebody stopped the answer, so the request was not invalid
  504: 'timeout_error',
}

function toType({ status, retryAfterSeconds }: ServiceError): string {
  // Clients repeat the request after an `overloaded_error`. An error has `retryAfterSeconds` only
  // if a later attempt can succeed.
  if (status === 503 && retryAfterSeconds !== undefined) return 'overloaded_error'
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
}
