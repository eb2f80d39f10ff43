import type { Context } from 'hono'
import type { Env } from '../middleware/env.ts'
import type { Stream } from '../relay/stream.ts'
import type { Streams } from '../relay/streams.ts'

/**
 * Starts the stream that answers a request. The access log and the limits wait until the stream
 * ends. `reader` aborts when the reader disconnects. By default, this ends the stream.
 * @throws ServiceError if all streams are in use or the server shuts down
 */
export function startStream(c: Context<Env>, streams: Streams, reader: AbortSignal = c.req.raw.signal): Stream {
  const { requestId, principal } = c.var
  const stream = streams.start({ requestId, principal: principal.name, signal: reader })
  c.set('stream', stream)
  return stream
}
