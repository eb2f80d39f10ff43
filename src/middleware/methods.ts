import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

/** For routes of `all` methods: these and no other. Elsewhere Hono answers HEAD wherever GET is answered. */
export function methods(...allowed: readonly ('GET' | 'HEAD' | 'POST')[]) {
  const allow = allowed.join(', ')
  return createMiddleware(async ({ req }, next) => {
    if (!allowed.some((method) => method === req.method))
      throw new ServiceError('method_not_allowed', `This path takes ${allow}`, { allow })
    await next()
  })
}
