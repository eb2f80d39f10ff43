import type { ServiceError } from '../../errors.ts'
import type { Failure } from '../dialect.ts'

/**
 * The body of an error response, and the error in a stream. `param` is the path of the wrong field.
 * `code` is OpenAI's code if there is one, otherwise Sluice's code (docs/protocol.md#4-errors).
 */
export function toErrorBody({ code, reason, status, message, issues }: ServiceError) {
  return { error: { message, type: toType(status), code: reason ?? code, param: issues?.[0]?.path ?? null } }
}

export function toFailure(error: ServiceError): Failure {
  return { status: error.status, body: toErrorBody(error) }
}

/** https://platform.openai.com/docs/guides/error-codes */
function toType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 429) return 'rate_limit_error'
  // 499 means that somebody stopped the answer, so the request was not invalid.
  return status < 499 ? 'invalid_request_error' : 'server_error'
}
