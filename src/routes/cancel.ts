import { Hono } from 'hono'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import { methods } from '../middleware/methods.ts'

/** Stops what runs under a request id; false if nothing does. */
export type Cancel = (requestId: string) => boolean | Promise<boolean>

/** `GET|POST /ollama/cancel/:id`: the seed front end's stop button (docs/protocol.md §5). A HEAD stops nothing. */
export function cancel({ here, elsewhere }: { here: Cancel; elsewhere: Cancel }) {
  return new Hono<Env>().all('/ollama/cancel/:id', methods('GET', 'POST'), async (c) => {
    const id = c.req.param('id')
    const found = await Promise.all([here(id), elsewhere(id)])
    if (found.includes(true)) return c.body(null, 204)
    throw new ServiceError('not_found', 'Nothing runs under this request id')
  })
}
