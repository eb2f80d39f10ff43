import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import { toRoute } from './access-log.ts'
import type { Env } from './env.ts'
import { noRoute } from './methods.ts'
import { isSameHost } from './origin-guard.ts'
import type { StreamToken } from './stream-tokens.ts'

export interface TokenGuardOptions {
  /** The API of each route that asks a model, or lists models, by the pattern of the route. */
  surfaces: ReadonlyMap<string, string>
}

/** The routes of single runs. Who knows the id of a run of the key may read and stop it. */
const runRoutes: ReadonlySet<string> = new Set([
  '/streams/:run',
  '/api/ui/chat/:id/stream',
  '/api/ui/chat/:id/stop',
  '/ollama/cancel/:id',
  ...['', '/ollama'].flatMap((base) => [`${base}/v1/responses/:id`, `${base}/v1/responses/:id/cancel`]),
])

/** Routes that every key may use, and no token. */
const keyRoutes: ReadonlySet<string> = new Set(['/tokens', '/usage', '/streams'])

/**
 * Limits a caller with a stream token to what the token allows. It has no route that is not listed,
 * so it makes no tokens, manages no models, and sees nothing of an operator. The models and the
 * length of an answer are limited where those of the key are.
 * @throws ServiceError `forbidden`, `not_found`, or `forbidden_origin` if another page asks
 */
export function tokenGuard(options: TokenGuardOptions) {
  return createMiddleware<Env>((c, next) => {
    const { token } = c.var.principal
    if (token) check(c, token, options)
    return next()
  })
}

function check(c: Context, { surfaces, origin, run }: StreamToken, routes: TokenGuardOptions) {
  if (origin !== undefined && !isFrom(c, origin))
    throw new ServiceError('forbidden_origin', 'This token is for the pages of another origin')
  const route = toRoute(c)
  if (run !== undefined) {
    if (c.req.path === `/streams/${run}`) return
    throw new ServiceError('forbidden', 'This token is for one stream only: GET or DELETE /streams/RUN')
  }
  const surface = routes.surfaces.get(route)
  if (surface !== undefined && (surfaces?.includes(surface) ?? true)) return
  if (surface !== undefined)
    throw new ServiceError('forbidden', `This token is not for this API; it is for ${surfaces!.join(', ')}`)
  if (runRoutes.has(route) || route === '-') return
  if (keyRoutes.has(route)) throw new ServiceError('forbidden', 'This path needs a key; a token may not use it')
  throw noRoute()
}

/**
 * Whether a page of this origin sends the request. Browsers leave `Origin` out of a GET to the
 * origin of the page itself.
 */
function isFrom({ req }: Context, origin: string): boolean {
  const given = req.header('origin')
  if (given !== undefined) return given === origin
  return req.header('sec-fetch-site') === 'same-origin' && isSameHost(origin, req.header('host'))
}
