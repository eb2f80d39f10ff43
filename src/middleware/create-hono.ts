import { HonoBase } from 'hono/hono-base'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import type { Env } from './env.ts'

/**
 * Makes an app of Hono's whose only router is the one that `Hono` would choose for our paths. The
 * other two would only make a Worker larger, and `TrieRouter` takes other paths
 * (docs/hazards.md#90).
 */
export function createHono(): HonoBase<Env> {
  return new HonoBase<Env>({ router: new RegExpRouter() })
}
