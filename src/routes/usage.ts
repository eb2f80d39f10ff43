import type { Context } from 'hono'
import type { Env } from '../middleware/env.ts'
import { methods, noRoute } from '../middleware/methods.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { createRoutes } from './create-routes.ts'

export interface UsageRouteOptions {
  usage: Telemetry['usage']
  /** Whether the caller may see what an operator sees. */
  isOperator: (c: Context<Env>) => boolean
}

/**
 * `GET /usage` says which tokens the asking key has used. An operator gets the usage of every key
 * as well. Without keys it is the operator's alone (docs/protocol.md#7-who-may-ask).
 */
export function usageRoute({ usage, isOperator }: UsageRouteOptions) {
  return createRoutes().all('/usage', methods('GET'), (c) => {
    const { name } = c.var.principal
    const isForAll = isOperator(c)
    if (name === '' && !isForAll) throw noRoute()
    return c.json({ ...usage.of(name), ...(isForAll && { keys: usage.all() }) }, 200, { 'cache-control': 'no-store' })
  })
}
