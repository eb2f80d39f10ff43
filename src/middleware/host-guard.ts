import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

export interface HostGuardOptions {
  /**
   * The host that the server listens on. Undefined on Workers, where every name that is routed to
   * the Worker is its own.
   */
  bound: string | undefined
  /** Other names that a `Host` header may have. */
  allowed: readonly string[]
  /** Whether there are no keys although the configuration does not allow that. */
  isKeyless: boolean
  /** A mistake in the configuration. It answers all requests but those of `always`. */
  problem: ServiceError | undefined
}

/**
 * These paths say only that the process runs. A load balancer asks for them by an address, and
 * cannot send another `Host`.
 */
const always = ['/ping', '/healthz']

/**
 * Demands exactly one `Host`, with a name that we know. A page on the internet whose name was
 * rebound to this machine sends another name (docs/protocol.md#7-who-may-ask). A Worker that
 * everybody can find must have keys. The paths of `always` are answered for any `Host`.
 * @throws ServiceError `forbidden_host`, `misconfigured`, the problem
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
    if (!isLoopback(name)) {
      if (isChecked && !accepted.has(name)) {
        throw new ServiceError(
          'forbidden_host',
          'The name in the Host header is not a known name of this server; add the name to SLUICE_ALLOWED_HOSTS',
        )
      }
      if (bound === undefined && isKeyless)
        throw new ServiceError('misconfigured', 'This Worker has no keys, and everybody can reach it; set SLUICE_API_KEYS')
    }
    return next()
  })
}

/** An IPv6 address has brackets in a header. */
function toBoundName(host: string): string {
  return (host.includes(':') ? `[${host}]` : host).toLowerCase()
}

/**
 * The name in a `Host` header, in lower case, without its port and the dot at its end. Undefined if
 * the header does not name exactly one host. On Node and Bun, two headers reach the handler as
 * `a, b` (docs/hazards.md#42).
 */
function toHostName(host: string): string | undefined {
  const [, name] = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(host) ?? []
  return name?.toLowerCase().replace(/\.$/, '')
}

/** Names that only this machine answers to (RFC 6761 §6.3). */
function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || /^127(?:\.\d{1,3}){3}$/.test(name) || name === '[::1]'
}
