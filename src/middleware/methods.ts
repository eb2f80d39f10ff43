import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

/** For routes of `all` methods: these and no other. Elsewhere Hono answers HEAD wherever GET is answered. */
export function methods(...allowed: readonly ('GET' | 'HEAD' | 'POST')[]) {
  return createMiddleware(async ({ req }, next) => {
    if (!allowed.some((method) => method === req.method)) throw toMethodError(allowed)
    await next()
  })
}

/** What a path takes, told to who asks otherwise. */
export function toMethodError(allowed: readonly string[]): ServiceError {
  const allow = allowed.join(', ')
  return new ServiceError('method_not_allowed', `This path takes ${allow}`, { allow })
}
