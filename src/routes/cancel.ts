import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'

/** Stops what runs under a request id; false if nothing does. */
export type Cancel = (requestId: string) => boolean | Promise<boolean>

/** `GET|POST /ollama/cancel/:id`: the seed front end's stop button (docs/protocol.md §5). */
export function cancel({ here, elsewhere }: { here: Cancel; elsewhere: Cancel }) {
  /** Hono answers HEAD wherever GET is answered; here it would stop something. */
  const noHead = createMiddleware(async (c, next) => {
    if (c.req.raw.method === 'HEAD')
      throw new ServiceError('method_not_allowed', 'This path takes GET, POST', { allow: 'GET, POST' })
    await next()
  })
  return new Hono<Env>().on(['GET', 'POST'], '/ollama/cancel/:id', noHead, async (c) => {
    const id = c.req.param('id')
    const found = await Promise.all([here(id), elsewhere(id)])
    if (found.includes(true)) return c.body(null, 204)
    throw new ServiceError('not_found', 'Nothing runs under this request id')
  })
}
