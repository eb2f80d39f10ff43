import type { Context } from 'hono'
import type { Env } from '../middleware/env.ts'
import type { Streams } from '../relay/streams.ts'

/**
 * The caller that waits for an answer. It has a place among the streams, and a controller that
 * aborts when the reader leaves.
 */
export interface Reader {
  readonly controller: AbortController
  /** Aborts the controller. For code that notices in another way that the reader has left. */
  leave(): void
  /**
   * Gives up the place, and removes the listener from the request. On Node, a listener that stays
   * keeps 20 KB a request (hazard 37).
   */
  release(): void
}

/**
 * The reader of a request. It has a controller of its own, because the reason of the runtime's
 * signal may be no error (hazards 9 and 10).
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
