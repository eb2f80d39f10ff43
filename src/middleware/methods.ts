import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

/**
 * Rejects every method that is not in `allowed`. Use this with Hono's `all`, because a route that
 * is registered with `get` also accepts HEAD.
 */
export function methods(...allowed: readonly ('GET' | 'HEAD' | 'POST' | 'DELETE')[]) {
  return createMiddleware(async ({ req }, next) => {
    if (!allowed.some((method) => method === req.method)) throw toMethodError(allowed)
    await next()
  })
}

/** The 405 error that lists the allowed methods. */
export function toMethodError(allowed: readonly string[]): ServiceError {
  const allow = allowed.join(', ')
  return new ServiceError('method_not_allowed', `This path does not have this method; use ${allow}`, { allow })
}
