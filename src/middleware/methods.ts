import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

/**
 * Allows only these methods on a route that is registered with Hono's `all`. A route that is
 * registered with `get` cannot reject HEAD.
 */
export function methods(...allowed: readonly ('GET' | 'HEAD' | 'POST')[]) {
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
