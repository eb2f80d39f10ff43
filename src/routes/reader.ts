import type { Context } from 'hono'
import type { Env } from '../middleware/env.ts'
import type { Streams } from '../relay/streams.ts'

/** Who waits for an answer: has a place among the streams, and a controller that aborts when it goes. */
export interface Reader {
  readonly controller: AbortController
  /** For whatever else notices that it went. */
  leave(): void
  /** Gives up the place, and lets go of the request: a listener that stays keeps 20 KB a request on Node (hazard 37). */
  release(): void
}

/**
 * The reader of a request. Its controller is our own: what the runtime's signal says as its reason may be no error (hazards 9 and 10).
 * @throws ServiceError if there is no place
 */
export function createReader(c: Context<Env>, streams: Streams): Reader {
  const controller = new AbortController()
  const exit = streams.enter({ requestId: c.var.requestId, principal: c.var.principal.name }, controller)
  const leave = () => controller.abort(new DOMException('The reader left', 'AbortError'))
  const { signal } = c.req.raw
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  return {
    controller,
    leave,
    release() {
      signal.removeEventListener('abort', leave)
      exit()
    },
  }
}
