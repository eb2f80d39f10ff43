import type { Context, HonoRequest } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Env } from './env.ts'
import { isLoopbackAddress, isLoopbackName, toHostName } from './loopback.ts'
import { noRoute } from './methods.ts'
import { isSameHost } from './origin-guard.ts'

export interface OperatorOptions {
  /** Whether there are no keys, and a program on this machine may see what an operator sees. */
  isOpenHere: boolean
  /** Returns the IP address of the caller. */
  address: (c: Context) => string
}

/**
 * Headers of proxies. A proxy on this machine makes every caller a loopback peer, so a request with
 * one of them does not come from this machine alone (docs/protocol.md#7-who-may-ask).
 */
const forwarding = /^(?:forwarded|via|x-forwarded-.*|x-real-ip|cf-.*|true-client-ip|x-client-ip)$/

/**
 * Lets only an operator through: a key with `admin`, or without keys a program on this machine. All
 * others get the same answer as at a path that does not exist.
 * @throws ServiceError `not_found`
 */
export function operatorGuard(isOperator: (c: Context<Env>) => boolean) {
  return createMiddleware<Env>((c, next) => {
    if (isOperator(c)) return next()
    throw noRoute()
  })
}

/** Returns whether the caller of a request is an operator. */
export function createIsOperator({ isOpenHere, address }: OperatorOptions): (c: Context<Env>) => boolean {
  return (c) => c.var.principal.admin === true || (isOpenHere && isHere(c, address(c)))
}

/** Whether a request comes from this machine, from no proxy on it, and from no page of another server. */
function isHere({ req }: Context, peer: string): boolean {
  const name = toHostName(req.header('host') ?? '')
  if (!isLoopbackAddress(peer) || name === undefined || !isLoopbackName(name)) return false
  if ([...req.raw.headers.keys()].some((header) => forwarding.test(header))) return false
  return isOwnPage(req)
}

/**
 * Whether a program or a page of this server asks. A page of `SLUICE_CORS_ORIGINS` may generate, but it
 * is no operator only because the operator has opened it.
 */
function isOwnPage(req: HonoRequest): boolean {
  const [origin, site = 'none'] = [req.header('origin'), req.header('sec-fetch-site')]
  if (origin !== undefined && !isSameHost(origin, req.header('host'))) return false
  return site === 'same-origin' || site === 'none'
}
