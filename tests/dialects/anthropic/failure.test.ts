import { describe, expect, test } from 'vitest'
import { toFailure } from '../../../src/dialects/anthropic/failure.ts'
import { ServiceError, type ErrorCode } from '../../../src/errors.ts'

describe('errors of Anthropic’s', () => {
  test.each<[ErrorCode, number, string, number?]>([
    ['invalid_json', 400, 'invalid_request_error'],
    ['invalid_request', 400, 'invalid_request_error'],
    ['not_supported', 400, 'invalid_request_error'],
    ['forbidden_host', 403, 'permission_error'],
    ['not_found', 404, 'not_found_error'],
    ['model_not_found', 404, 'not_found_error'],
    ['method_not_allowed', 405, 'invalid_request_error'],
    ['body_too_large', 413, 'request_too_large'],
    ['unsupported_encoding', 415, 'invalid_request_error'],
    ['cancelled', 499, 'api_error'],
    ['internal', 500, 'api_error'],
    ['upstream_failed', 502, 'api_error'],
    ['upstream_truncated', 502, 'api_error'],
    ['upstream_protocol', 502, 'api_error'],
    ['upstream_unreachable', 502, 'api_error'],
    ['line_too_long', 502, 'api_error'],
    ['misconfigured', 503, 'api_error'],
    ['no_model', 503, 'api_error'],
    ['too_many_streams', 503, 'overloaded_error', 5],
    ['shutting_down', 503, 'overloaded_error', 5],
    ['upstream_busy', 503, 'overloaded_error', 1],
    ['first_token_timeout', 504, 'timeout_error'],
    ['idle_timeout', 504, 'timeout_error'],
    ['total_timeout', 504, 'timeout_error'],
  ])('%s is %i %s', (code, status, type, retryAfterSeconds) => {
    const error = new ServiceError(code, 'why', { ...(retryAfterSeconds && { retryAfterSeconds }) })
    const body = { type: 'error', error: { type, message: 'why', code }, request_id: 'id-1' }
    expect(toFailure(error, 'id-1')).toEqual({ status, body })
  })

  test.each([
    [401, 'authentication_error'],
    [403, 'permission_error'],
    [405, 'invalid_request_error'],
    [422, 'invalid_request_error'],
    [429, 'rate_limit_error'],
  ])('the upstream’s own %i is %s', (status, type) => {
    const error = new ServiceError(status === 429 ? 'upstream_busy' : 'upstream_rejected', 'why', {
      status,
      retryAfterSeconds: 1,
    })
    expect(toFailure(error, 'id-1')).toMatchObject({ status, body: { error: { type } } })
  })
})
