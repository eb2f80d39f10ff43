import type { ServiceError } from '../errors.ts'
import type { Failure } from './dialect.ts'

/** The envelope of everything under `/v1` that speaks OpenAI: `param` names the field, `code` is ours (docs/protocol.md §4 and §6). */
export function toOpenAIError({ code, status, message, issues }: ServiceError) {
  return { error: { message, type: toType(status), code, param: issues?.[0]?.path ?? null } }
}

export function toOpenAIFailure(error: ServiceError): Failure {
  return { status: error.status, body: toOpenAIError(error) }
}

/** https://platform.openai.com/docs/guides/error-codes */
function toType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 429) return 'rate_limit_error'
  // 499: somebody stopped it, and the request was a good one.
  return status < 499 ? 'invalid_request_error' : 'server_error'
}
