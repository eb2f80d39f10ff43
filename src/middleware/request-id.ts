import { createMiddleware } from 'hono/factory'
import type { Env } from './env.ts'

/**
 * Every response has an `x-request-id`: the caller's own, if it is fit for a log line, else a new one (docs/protocol.md §4).
 * Hono's own middleware lets other characters through than the protocol does.
 */
export const requestId = createMiddleware<Env>(async (c, next) => {
  const own = c.req.header('x-request-id')
  const id = own && /^[A-Za-z0-9._-]{1,128}$/.test(own) ? own : crypto.randomUUID()
  c.set('requestId', id)
  c.header('x-request-id', id)
  await next()
})

/** The same where a dialect's clients look for it. Behind `requestId`. */
export const requestIdIn = (toHeader: (path: string) => string | undefined) =>
  createMiddleware<Env>(async (c, next) => {
    const header = toHeader(c.req.path)
    if (header !== undefined) c.header(header, c.var.requestId)
    await next()
  })
