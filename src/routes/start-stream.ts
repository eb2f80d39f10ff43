import type { Context } from 'hono'
import type { Env } from '../middleware/env.ts'
import type { Stream } from '../relay/stream.ts'
import type { Streams } from '../relay/streams.ts'

/**
 * Starts the stream that answers a request. The access log and the limits wait until the stream
 * ends.
 * @throws ServiceError if all streams are in use or the server shuts down
 */
export function startStream(c: Context<Env>, streams: Streams): Stream {
  const { requestId, principal } = c.var
  const stream = streams.start({ requestId, principal: principal.name, signal: c.req.raw.signal })
  c.set('stream', stream)
  return stream
}
