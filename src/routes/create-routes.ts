import type { Hono } from 'hono'
import { HonoBase } from 'hono/hono-base'
import type { Params } from 'hono/router'
import { TrieRouter } from 'hono/router/trie-router'
import type { Env } from '../middleware/env.ts'

/**
 * Creates a Hono with one router. By default Hono also has `RegExpRouter`, which compiles all
 * routes at the first request, cannot have all routes of the Worker, and is 1.7 kB of code,
 * gzipped. On Workers each answer that can be resumed has an app of its own, so there the first
 * request counts.
 */
export function createRoutes(options: { getPath?: (request: Request) => string } = {}): Hono<Env> {
  return new HonoBase<Env>({ router: new OnceRouter(), ...options })
}

/**
 * `TrieRouter` finds each handler twice if the path is the text of its pattern, for example `/*`.
 * Then the handler would run twice.
 */
class OnceRouter<T> extends TrieRouter<T> {
  override match(method: string, path: string): [[T, Params][]] {
    const [found] = super.match(method, path) as [[T, Params][]]
    // They are in the order of their registration, so a handler stands beside its double.
    return [found.filter(([handler], i) => handler !== found[i - 1]?.[0])]
  }
}
