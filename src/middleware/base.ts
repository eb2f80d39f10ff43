import { createMiddleware } from 'hono/factory'
import { getPath } from 'hono/utils/url'

/** The path of a request outside of the base. No route has it. */
const outside = '//'

/**
 * Returns Hono's `getPath` for an app below a base: routes and guards see the path behind the base.
 * The base itself is the path `/`, with and without a slash at its end, because some frameworks
 * redirect the one to the other.
 */
export function getPathBelow(base: string): (request: Request) => string {
  const prefix = decodeURI(base)
  return (request) => {
    const path = getPath(request)
    if (!path.startsWith(prefix)) return outside
    const rest = path.slice(prefix.length)
    return rest === '' ? '/' : rest.startsWith('/') ? rest : outside
  }
}

/** Answers a request outside of the base with 404, also to a caller without a key. */
export function baseGuard(notFound: () => Error) {
  return createMiddleware(async (c, next) => {
    if (c.req.path === outside) throw notFound()
    return next()
  })
}
