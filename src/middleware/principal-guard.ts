import { createMiddleware } from 'hono/factory'
import { ServiceError, toServiceError } from '../errors.ts'
import type { Env, Principal } from './env.ts'

/**
 * Says who sends a request: the keys of the configuration, or the app around Sluice. It may read
 * the headers, and must leave the body to Sluice. Returns undefined if nobody is signed in.
 */
export type ToPrincipal = (request: Request) => Principal | undefined | Promise<Principal | undefined>

/**
 * Requires a caller. If `toPrincipal` throws another error than a ServiceError, the response is a
 * 500 without the text of the error.
 * @throws ServiceError `unauthorized`
 */
export function principalGuard(toPrincipal: ToPrincipal) {
  return createMiddleware<Env>(async (c, next) => {
    let principal
    try {
      principal = await toPrincipal(c.req.raw)
    } catch (error) {
      throw toServiceError(error) // Hono passes on only an `Error`
    }
    if (!principal) throw new ServiceError('unauthorized', 'Nobody is signed in with this request; sign in first')
    c.set('principal', principal)
    if (principal.name !== '') c.var.entry.key = principal.name
    return next()
  })
}
