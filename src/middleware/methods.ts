import type { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env } from './env.ts'

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

/** The 404 error of a path without a route. */
export function noRoute(): ServiceError {
  return new ServiceError('not_found', 'No route has this path: check the base URL of the client')
}

/** The 405 error that lists the allowed methods. */
export function toMethodError(allowed: readonly string[]): ServiceError {
  const allow = allowed.join(', ')
  return new ServiceError('method_not_allowed', `This path does not have this method; use ${allow}`, { allow })
}

/**
 * Returns the methods that the routes at a path have. Middleware and routes for all methods do not
 * count. HEAD comes with GET, and no route has a method that is not listed here. Hono's own
 * `methodNotAllowed` would keep all routes in a second router.
 */
export function toMethods({ router }: Hono<Env>, path: string): string[] {
  const has = (method: string) => router.match(method, path)[0].some(([[, route]]) => route.method === method)
  return ['GET', 'POST', 'DELETE'].filter(has).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : method))
}
