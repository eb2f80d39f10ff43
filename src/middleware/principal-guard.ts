import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env, Principal } from './env.ts'

/**
 * Says who sends a request, in the words of the app that Sluice runs in. It may read the headers of
 * the request, and must leave the body to Sluice. Returns undefined if nobody is signed in.
 */
export type ToPrincipal = (request: Request) => Principal | undefined | Promise<Principal | undefined>

/**
 * Takes the place of `keyGuard` if the app around Sluice knows the callers. If `toPrincipal` throws,
 * the response is a 500 without the text of the error.
 * @throws ServiceError `unauthorized`, or `misconfigured` if the result of `toPrincipal` is no
 * principal
 */
export function principalGuard(toPrincipal: ToPrincipal) {
  return createMiddleware<Env>(async (c, next) => {
    const principal = await toPrincipal(c.req.raw)
    if (!principal) throw new ServiceError('unauthorized', 'Nobody is signed in with this request; sign in, and ask again')
    // An empty name would share the runs of all callers that have none.
    if (typeof principal.name !== 'string' || principal.name === '')
      throw new ServiceError('misconfigured', 'The function `principal` of this server must return { name }')
    c.set('principal', principal)
    c.var.entry.key = principal.name
    return next()
  })
}
