import { createMiddleware } from 'hono/factory'
import type { Env } from './env.ts'

/**
 * Sets the header `x-request-id` of every response. If the request has an id that is safe to log,
 * the response has the same id. Otherwise the id is new (docs/protocol.md#4-errors). Hono's own
 * middleware is not used, because it allows other characters than the protocol does.
 */
export const requestId = createMiddleware<Env>(async (c, next) => {
  const callerId = c.req.header('x-request-id')
  const id = callerId && /^[A-Za-z0-9._-]{1,128}$/.test(callerId) ? callerId : crypto.randomUUID()
  c.set('requestId', id)
  c.header('x-request-id', id)
  await next()
})

/**
 * Sends the request id in a second header, because the clients of a dialect may expect another
 * name. `toHeader` returns the name of the second header for a path. This middleware must come
 * after `requestId`.
 */
export const requestIdIn = (toHeader: (path: string) => string | undefined) =>
  createMiddleware<Env>(async (c, next) => {
    const header = toHeader(c.req.path)
    if (header !== undefined) c.header(header, c.var.requestId)
    await next()
  })
