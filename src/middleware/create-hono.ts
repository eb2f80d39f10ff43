import { HonoBase } from 'hono/hono-base'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import type { Env } from './env.ts'

/**
 * Makes an app of Hono's whose only router is the one that `Hono` would choose for our paths.
 * Hono's other routers would only make a Worker larger, and `TrieRouter` matches some paths
 * differently (docs/hazards.md#90).
 */
export function createHono(): HonoBase<Env> {
  return new HonoBase<Env>({ router: new RegExpRouter() })
}
