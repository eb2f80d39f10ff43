import type { MiddlewareHandler } from 'hono'
import { invalidRequest, parse } from '../dialects/issues.ts'
import { createTokenRequest } from '../dialects/token-request.ts'
import type { Env } from '../middleware/env.ts'
import { maxKeyLength } from '../middleware/keys.ts'
import { methods } from '../middleware/methods.ts'
import type { StreamTokens } from '../middleware/stream-tokens.ts'
import { createRoutes } from './create-routes.ts'

export interface TokenRouteOptions {
  tokens: StreamTokens
  /** Reads the body. */
  body: MiddlewareHandler<Env>
  /** The names of all APIs. */
  surfaces: readonly string[]
}

/**
 * `POST /tokens` makes a stream token of the asking key (docs/protocol.md#7-who-may-ask). Whether
 * the models and the run exist is not checked, because the key's rights are checked when the token
 * is used.
 */
export function tokenRoute({ tokens, body, surfaces }: TokenRouteOptions) {
  const request = createTokenRequest(surfaces)
  return createRoutes().all('/tokens', methods('POST'), body, async (c) => {
    const { expires_in, ...limits } = parse(request, c.var.body)
    const expires_at = Math.ceil(Date.now() / 1000) + expires_in
    const { name, sha256 } = c.var.principal
    const token = await tokens.sign({ key: name, expires_at, ...limits }, sha256!)
    if (token.length > maxKeyLength) throw invalidRequest('models', `makes a token of more than ${maxKeyLength} characters`)
    return c.json({ token, expires_at }, 200, { 'cache-control': 'no-store' })
  })
}
