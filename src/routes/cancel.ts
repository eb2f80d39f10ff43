import { Hono } from 'hono'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import { methods } from '../middleware/methods.ts'
import type { StreamOf } from '../relay/streams.ts'

/** Stops what a principal has running under a request id; false if that is nothing. */
export type Cancel = (who: StreamOf) => boolean | Promise<boolean>

/** `GET|POST /ollama/cancel/:id`: the seed front end's stop button (docs/protocol.md §5). A HEAD stops nothing. */
export function cancel({ here, elsewhere }: { here: Cancel; elsewhere: Cancel }) {
  return new Hono<Env>().all('/ollama/cancel/:id', methods('GET', 'POST'), async (c) => {
    const who = { requestId: c.req.param('id'), principal: c.var.principal.name }
    const found = await Promise.all([here(who), elsewhere(who)])
    if (found.includes(true)) return c.body(null, 204)
    throw new ServiceError('not_found', 'Nothing runs under this request id')
  })
}
