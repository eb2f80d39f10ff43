import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

export interface HostGuardOptions {
  /** Where the server listens. Undefined on Workers: any name that is routed to it is its own. */
  bound: string | undefined
  /** Other names that it is asked by; undefined: none. */
  allowed: readonly string[] | undefined
  /** Whether everybody may ask who finds it: there are no keys. */
  isKeyless: boolean
  /** What keeps it from being of use, for whoever asks. */
  problem: ServiceError | undefined
}

/** These say that a process is there, and nothing more: a load balancer asks them by an address, and cannot send another `Host`. */
const always = ['/ping', '/healthz']

/**
 * Asks for exactly one `Host`, and one that we know: a page on the internet whose name was rebound
 * to this machine has another (docs/protocol.md §7). A Worker that everybody finds must have keys.
 * What only says that we are alive is answered whatever the `Host`.
 * @throws ServiceError `forbidden_host`, `misconfigured`, the problem
 */
export function hostGuard({ bound, allowed, isKeyless, problem }: HostGuardOptions) {
  const known = new Set([...(allowed ?? []), ...(bound === undefined ? [] : [toBoundName(bound)])])
  const isChecked = bound !== undefined || allowed !== undefined
  return createMiddleware(async (c, next) => {
    if (always.includes(c.req.path)) return next()
    if (problem) throw problem
    const name = toHostName(c.req.header('host') ?? '')
    if (name === undefined) throw new ServiceError('forbidden_host', 'Cannot tell which host is meant: send one Host header')
    if (!isLoopback(name)) {
      if (isChecked && !known.has(name)) {
        throw new ServiceError(
          'forbidden_host',
          'This server has another name; SLUICE_ALLOWED_HOSTS lists those that it may be asked by',
        )
      }
      if (bound === undefined && isKeyless)
        throw new ServiceError('misconfigured', 'This Worker has no keys, and everybody can find it: set SLUICE_API_KEYS')
    }
    return next()
  })
}

/** An IPv6 address has brackets in a header. */
function toBoundName(host: string): string {
  return (host.includes(':') ? `[${host}]` : host).toLowerCase()
}

/**
 * A `Host` header as it is compared: lower case, without its port and the dot at its end. Undefined if it names not exactly one host: two
 * headers reach the handler as `a, b` on Node and Bun (hazard 42).
 */
function toHostName(host: string): string | undefined {
  const [, name] = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(host) ?? []
  return name?.toLowerCase().replace(/\.$/, '')
}

/** Names that only this machine answers to (RFC 6761 §6.3). */
function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || /^127(?:\.\d{1,3}){3}$/.test(name) || name === '[::1]'
}
