import { Hono, type Context } from 'hono'
import type { Env } from '../middleware/env.ts'
import type { Streams } from '../relay/streams.ts'
import type { Digest } from '../upstreams/exchange.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { createReader } from './reader.ts'
import { toTrace } from './trace.ts'

const path = '/api/blobs/:digest{sha256:[0-9a-f]{64}}'

/** Parts of models, for `create`. They are gigabytes: streamed, and without a limit; management is for who runs the server. */
export function blobs({ upstream, streams }: { upstream: Upstream; streams: Streams }) {
  async function pass(c: Context<Env>, content: ReadableStream<Uint8Array> | undefined, status: 200 | 201) {
    const { controller, release } = createReader(c, streams)
    try {
      const digest = c.req.param('digest') as Digest
      await upstream.blob({ digest, content }, { signal: controller.signal, trace: toTrace(c.req) })
      return c.body(null, status)
    } finally {
      release()
    }
  }

  return new Hono<Env>()
    .get(path, (c) => pass(c, undefined, 200))
    .post(path, (c) => pass(c, c.req.raw.body ?? new ReadableStream({ start: (controller) => controller.close() }), 201))
}
