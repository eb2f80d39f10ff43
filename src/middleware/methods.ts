import { createMiddleware } from 'hono/factory'
import type { HonoBase } from 'hono/hono-base'
import { ServiceError } from '../errors.ts'
import type { Env } from './env.ts'

/**
 * Allows these methods and no other, on a route that is made with `all`. Hono's other routes
 * answer HEAD wherever they answer GET.
 */
export function methods(...allowed: readonly ('GET' | 'HEAD' | 'POST')[]) {
  return createMiddleware(async ({ req }, next) => {
    if (!allowed.some((method) => method === req.method)) throw toMethodError(allowed)
    await next()
  })
}

/**
 * The error at a path where no route takes the method: 405 if there are routes for other methods,
 * else 404. Middleware and routes that are made with `all` take every method, so they do not
 * count. Hono answers HEAD wherever it answers GET.
 */
export function toRouteError({ router }: HonoBase<Env>, path: string): ServiceError {
  const allowed = ['GET', 'POST', 'DELETE']
    .filter((method) => router.match(method, path)[0].some(([[, route]]) => route.method === method))
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : method))
  return allowed.length > 0
    ? toMethodError(allowed)
    : new ServiceError('not_found', 'No route has this path: check the base URL of the client')
}

/** The 405 error that lists the allowed methods. */
function toMethodError(allowed: readonly string[]): ServiceError {
  const allow = allowed.join(', ')
  return new ServiceError('method_not_allowed', `This path does not have this method; use ${allow}`, { allow })
}
