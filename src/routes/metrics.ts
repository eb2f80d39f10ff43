import type { Context, MiddlewareHandler } from 'hono'
import { parseAccept } from '../encoders/parse-accept.ts'
import type { Env } from '../middleware/env.ts'
import { methods } from '../middleware/methods.ts'
import type { PoolView } from '../pool/pool-view.ts'
import type { Streams } from '../relay/streams.ts'
import { toContentType, type Format } from '../telemetry/exposition.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { createRoutes } from './create-routes.ts'

export interface MetricsOptions {
  /** Lets only an operator through. */
  guard: MiddlewareHandler<Env>
  telemetry: Pick<Telemetry, 'expose'>
  view: () => PoolView
  streams: Pick<Streams, 'list'>
}

/** `GET /metrics` is the answer to a scrape of Prometheus (docs/observe.md). */
export function metrics({ guard, telemetry, view, streams }: MetricsOptions) {
  return createRoutes().all('/metrics', guard, methods('GET', 'HEAD'), (c) => {
    const format = toFormat(c)
    const text = telemetry.expose(format, { pool: view(), streams: streams.list() })
    return c.body(text, 200, { 'content-type': toContentType(format), 'cache-control': 'no-store', vary: 'accept' })
  })
}

/** Prometheus sends both types, with the one that it likes better first. */
function toFormat({ req }: Context): Format {
  const best = parseAccept(req.header('accept')).find(
    ({ name, quality }) => quality > 0 && (name === 'text/plain' || name === 'application/openmetrics-text'),
  )
  return best?.name === 'application/openmetrics-text' ? 'openmetrics' : 'prometheus'
}
