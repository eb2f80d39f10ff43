import { toServiceError } from '../errors.ts'
import type { Streams } from '../relay/streams.ts'
import { createCached } from '../upstreams/cached.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { createRoutes } from './create-routes.ts'

export interface HealthOptions {
  upstream: Upstream
  streams: Streams
  /** Undefined if the process shares nothing. */
  store: { readonly isReady: boolean } | undefined
  /** How many requests to the upstream may check its readiness at once. */
  maxLoads: number
  now: () => number
}

/**
 * Reports whether the server is alive, and whether it is ready. Only `/readyz` sends a request to
 * the upstream (docs/protocol.md#1-routes).
 */
export function health({ upstream, streams, store, maxLoads, now }: HealthOptions) {
  const readiness = createCached({
    ttlMs: 1000,
    limitMs: 2000,
    maxLoads,
    now,
    load: (signal) =>
      upstream
        .ask({ about: 'version' }, { signal })
        .then(({ value: { version } }) => ({ status: 'ready', upstream: { version } }) as const, toNotReady),
  })

  return createRoutes()
    .get('/', (c) => c.text('Sluice is running'))
    .get('/ping', (c) => c.json({ message: 'OK' }))
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      if (streams.isDraining) return c.json({ status: 'not_ready', code: 'shutting_down' }, 503)
      const state = await readiness(new AbortController().signal).catch(toNotReady)
      // Streams go on without the store, so it does not change the status.
      const shared = store && { store: store.isReady ? 'up' : 'down' }
      return c.json({ ...state, ...shared }, state.status === 'ready' ? 200 : 503)
    })
}

function toNotReady(error: unknown) {
  return { status: 'not_ready', code: toServiceError(error).code } as const
}
