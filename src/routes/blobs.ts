import { methods } from '../middleware/methods.ts'
import type { Streams } from '../relay/streams.ts'
import type { Digest, Upstream } from '../upstreams/upstream.ts'
import { toCaller } from './caller.ts'
import { toHostHeader } from './host-header.ts'
import { startStream } from './start-stream.ts'
import { createRoutes } from './create-routes.ts'

/**
 * The route that checks and uploads blobs. A blob is a part of a model, and `create` needs all
 * blobs of the new model. A blob can be gigabytes long, so it is streamed, and its size is not
 * limited. The route exists only with SLUICE_MANAGEMENT=1, which is meant for the person who runs
 * the server.
 */
export function blobs({ upstream, streams }: { upstream: Upstream; streams: Streams }) {
  return createRoutes().all('/api/blobs/:digest{sha256:[0-9a-f]{64}}', methods('HEAD', 'POST'), async (c) => {
    const stream = startStream(c, streams)
    try {
      const digest = c.req.param('digest') as Digest
      const isNew = c.req.method === 'POST'
      const content = isNew ? (c.req.raw.body ?? new Blob().stream()) : undefined
      await upstream.blob({ digest, content }, { signal: stream.signal, ...toCaller(c) })
      return c.body(null, isNew ? 201 : 200, { ...toHostHeader(c) })
    } finally {
      stream.end()
    }
  })
}
