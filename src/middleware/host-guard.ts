import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

/** Exactly one `Host`: two of them reach the handler as `a, b` on Node and Bun (hazard 42), and who is meant is anybody's guess. */
export const hostGuard = createMiddleware(async (c, next) => {
  const host = c.req.header('host')
  if (host !== undefined && !/^[\w.:[\]-]+$/.test(host))
    throw new ServiceError('forbidden_host', 'Cannot tell which host is meant: send one Host header')
  await next()
})
