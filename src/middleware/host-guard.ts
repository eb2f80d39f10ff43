import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import { isLoopbackName, toHostName } from './loopback.ts'

export interface HostGuardOptions {
  /**
   * The host that the server listens on. It is undefined on Workers. If `allowed` is empty, a
   * Worker does not compare the `Host` header with any list, because Cloudflare sends a Worker only
   * requests for its own names.
   */
  bound: string | undefined
  /** Other names that a `Host` header may have. */
  allowed: readonly string[]
  /**
   * True if nothing says who may ask: there are no keys, no principals, and SLUICE_INSECURE is 0.
   */
  isKeyless: boolean
  /**
   * An error in the configuration. It is thrown for every request, except for the paths in
   * `always`.
   */
  problem: ServiceError | undefined
}

/**
 * These paths only report that the process runs. They accept any `Host`, because a load balancer
 * requests them by IP address and cannot set the `Host`.
 */
const always = ['/ping', '/healthz']

/**
 * Requires exactly one `Host` header, with a known name. This prevents DNS rebinding. In that
 * attack, a site points its name at this machine, but browsers still send the name of the site
 * (docs/protocol.md#7-who-may-ask). If `isKeyless`, a Worker accepts only loopback names, because
 * everybody can reach its other names. The paths in `always` are not checked.
 * @throws ServiceError The `problem`, if there is one. Else `forbidden_host` or `misconfigured`.
 */
export function hostGuard({ bound, allowed, isKeyless, problem }: HostGuardOptions) {
  const accepted = new Set([...allowed, ...(bound === undefined ? [] : [toBoundName(bound)])])
  const isChecked = bound !== undefined || allowed.length > 0
  return createMiddleware(async (c, next) => {
    if (always.includes(c.req.path)) return next()
    if (problem) throw problem
    const name = toHostName(c.req.header('host') ?? '')
    if (name === undefined)
      throw new ServiceError('forbidden_host', 'The request has no valid Host header, or several; send one')
    if (!isLoopbackName(name)) {
      if (isChecked && !accepted.has(name)) {
        throw new ServiceError(
          'forbidden_host',
          'The name in the Host header is not a known name of this server; add the name to SLUICE_ALLOWED_HOSTS',
        )
      }
      if (bound === undefined && isKeyless)
        throw new ServiceError('misconfigured', 'Sluice has no keys, and everybody can reach it; set SLUICE_API_KEYS')
    }
    return next()
  })
}

/** Returns a host as the `Host` header contains it, with brackets around an IPv6 address. */
function toBoundName(host: string): string {
  return (host.includes(':') ? `[${host}]` : host).toLowerCase()
}
