import { ServiceError } from '../errors.ts'
import { methods } from '../middleware/methods.ts'
import type { Streams } from '../relay/streams.ts'
import type { SharedRuns } from '../streams/runs.ts'
import { createRoutes } from './create-routes.ts'

/**
 * `GET|POST /ollama/cancel/:id` cancels an answer. It is meant for the stop button of a front end.
 * A HEAD request cancels nothing and is rejected (docs/protocol.md#5-ollama-drop-in).
 */
export function cancel({ streams, shared }: { streams: Streams; shared: SharedRuns | undefined }) {
  return createRoutes().all('/ollama/cancel/:id', methods('GET', 'POST'), async (c) => {
    const request = { requestId: c.req.param('id'), principal: c.var.principal.name }
    if (streams.cancel(request) || (await shared?.cancel(request))) return c.body(null, 204)
    throw new ServiceError('not_found', 'No answer runs under this request id; it may have ended already')
  })
}
