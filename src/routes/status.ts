import type { MiddlewareHandler } from 'hono'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import { methods } from '../middleware/methods.ts'
import type { HostView, PoolView } from '../pool/pool-view.ts'
import type { OpenStream, Streams } from '../relay/streams.ts'
import type { SharedRuns } from '../streams/runs.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { createRoutes } from './create-routes.ts'

export interface StatusOptions {
  /**
   * Lets only an operator through. It must come first, so that nobody else learns of the routes.
   */
  guard: MiddlewareHandler<Env>
  streams: Streams
  pool: () => Pick<PoolView, 'hosts'>
  recent: Telemetry['recent']
  /** Undefined if the process shares nothing. */
  shared: SharedRuns | undefined
  now: () => number
}

/** The data names this many streams at most, so that its size has a bound. */
const maxListed = 200

/**
 * `GET /status/data` says what happens in this process, for the page `/status`, without a word of a
 * prompt or an answer. `DELETE /status/streams` stops a stream of any key, by its request id. The
 * id is in the query, because `..` is an id that a path cannot have.
 */
export function status({ guard, streams, pool, recent, shared, now }: StatusOptions) {
  return createRoutes()
    .all('/status/data', guard, methods('GET'), (c) => {
      const open = streams.list()
      const at = now()
      const data = {
        time: new Date().toISOString(),
        shared: shared !== undefined,
        open: open.length,
        waiting: open.filter(({ state }) => state === 'queued').length,
        streams: open.slice(0, maxListed).map((stream) => toStream(stream, at)),
        hosts: pool().hosts.map(toHost),
        ...recent.view(),
      }
      return c.json(data, 200, { 'cache-control': 'no-store' })
    })
    .all('/status/streams', guard, methods('DELETE'), async (c) => {
      const { request_id: requestId, key: principal = '' } = c.req.query()
      if (requestId === undefined) throw new ServiceError('invalid_request', 'The query needs a `request_id`')
      const request = { requestId, principal }
      if (streams.cancel(request) || (await shared?.cancel(request))) return c.body(null, 204)
      throw new ServiceError('not_found', 'No answer runs under this request id and key; it may have ended already')
    })
}

function toStream(stream: OpenStream, at: number) {
  const { requestId, principal, surface, model, host, state, tokens, startedAt, firstTokenAt } = stream
  return {
    request_id: requestId,
    ...(principal !== '' && { key: principal }),
    surface,
    model,
    host,
    state,
    tokens,
    age_ms: Math.round(at - startedAt),
    ...(firstTokenAt !== undefined && { ttft_ms: Math.round(firstTokenAt - startedAt) }),
  }
}

function toHost({ name, tier, isUp, breaker, inFlight, max, loaded }: HostView) {
  return { name, tier, up: isUp, breaker, in_flight: inFlight, max, loaded }
}
