import { createMiddleware } from 'hono/factory'
import type { Env } from './env.ts'

/**
 * Every response has an `x-request-id`. It is the caller's id if that is fit for a log line, and a
 * new one otherwise (docs/protocol.md#4-errors). Hono's own middleware allows other characters than
 * the protocol does.
 */
export const requestId = createMiddleware<Env>(async (c, next) => {
  const callerId = c.req.header('x-request-id')
  const id = callerId && /^[A-Za-z0-9._-]{1,128}$/.test(callerId) ? callerId : crypto.randomUUID()
  c.set('requestId', id)
  c.header('x-request-id', id)
  await next()
})

/**
 * Sends the id also in the header that a dialect's clients read. This middleware must come after
 * `requestId`.
 */
export const requestIdIn = (toHeader: (path: string) => string | undefined) =>
  createMiddleware<Env>(async (c, next) => {
    const header = toHeader(c.req.path)
    if (header !== undefined) c.header(header, c.var.requestId)
    await next()
  })
