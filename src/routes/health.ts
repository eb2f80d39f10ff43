import { Hono } from 'hono'
import type { Env } from '../middleware/env.ts'
import { createCached } from '../upstreams/cached.ts'
import type { Streams } from '../relay/streams.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { toServiceError } from '../errors.ts'

/** Is it alive, and is it of use: only `/readyz` touches the upstream (docs/protocol.md §1). */
export function health({ upstream, streams, now }: { upstream: Upstream; streams: Streams; now: () => number }) {
  const readiness = createCached({
    ttlMs: 1000,
    now,
    load: (signal) =>
      upstream.ask({ about: 'version' }, { signal }).then(
        ({ value: { version } }) => ({ status: 'ready', upstream: { version } }) as const,
        (error: unknown) => ({ status: 'not_ready', code: toServiceError(error).code }) as const,
      ),
  })

  return new Hono<Env>()
    .get('/', (c) => c.text('Sluice is running'))
    .get('/ping', (c) => c.json({ message: 'OK' }))
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      if (streams.isDraining) return c.json({ status: 'not_ready', code: 'shutting_down' }, 503)
      const state = await readiness(new AbortController().signal)
      return c.json(state, state.status === 'ready' ? 200 : 503)
    })
}
