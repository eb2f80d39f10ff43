import { createMiddleware } from 'hono/factory'
import { cors } from 'hono/cors'
import { ServiceError } from '../errors.ts'

export interface OriginGuardOptions {
  /**
   * Origins of other sites whose pages may send requests, as browsers write them. `scheme://*` is
   * any host of that scheme.
   */
  origins: readonly string[]
  /** Whether a link from any site may open this path. */
  isOpen(path: string): boolean
}

/** Our headers that a page's code may read, besides those that it may always read. */
const exposedHeaders = [
  'x-request-id',
  'request-id',
  'x-sluice-ignored',
  'x-sluice-default-model',
  'retry-after',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'www-authenticate',
  'allow',
  'accept-encoding',
  'x-vercel-ai-ui-message-stream',
]

/**
 * Decides which web pages may send requests (docs/protocol.md#7-who-may-ask). Our own pages may,
 * and so may those of listed origins, which get CORS headers. All others are refused before a byte
 * of the body is read. Their content type does not matter, so that a form of another site is no way
 * in.
 */
export function originGuard({ origins, isOpen }: OriginGuardOptions) {
  const listed = new Set(origins)
  const isListed = (origin: string) =>
    !origin.includes('*') && (listed.has(origin) || listed.has(origin.replace(/:\/\/[\w.-]+$/, '://*')))
  const allow = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowHeaders: [], // allows the ones that the preflight asks for
    exposeHeaders: exposedHeaders,
    maxAge: 600,
  })
  return createMiddleware(async (c, next) => {
    const origin = c.req.header('origin')
    if (origin !== undefined) {
      if (isListed(origin)) {
        if (c.req.method === 'OPTIONS') assertNames(c.req.header('access-control-request-headers') ?? '')
        return allow(c, next)
      }
      if (!isSameHost(origin, c.req.header('host'))) throw forbidden()
    } else if (c.req.header('sec-fetch-site') === 'cross-site') {
      const isLink = c.req.header('sec-fetch-mode') === 'navigate' && (c.req.method === 'GET' || c.req.method === 'HEAD')
      if (!isLink || !isOpen(c.req.path)) throw forbidden()
    }
    await next()
    // A cache must not give one origin the response that it keeps for another.
    if (listed.size > 0) c.header('vary', 'Origin', { append: true })
  })
}

/**
 * The response to a preflight repeats the names of headers that the preflight asks for. So they
 * must look as a browser sends them (RFC 9110 §5.6.2).
 * @throws ServiceError `invalid_request`
 */
function assertNames(names: string) {
  if (names.length <= 4096 && /^(?:[\w!#$%&'*+.^`|~-]+(?: *, *[\w!#$%&'*+.^`|~-]+)*)?$/.test(names)) return
  throw new ServiceError(
    'invalid_request',
    'Access-Control-Request-Headers must be a list of names of headers, of 4096 characters at most',
  )
}

/**
 * Whether an origin has the host and port of the `Host` header. The scheme is not compared,
 * because we do not know it if TLS ends in front of us.
 */
function isSameHost(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin)
  if (!url || !host || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  // `URL` drops the scheme's default port, so both sides get the same scheme.
  const target = URL.parse(`${url.protocol}//${host}`)
  return target?.host === url.host
}

function forbidden(): ServiceError {
  return new ServiceError('forbidden_origin', 'Pages of this origin may not call Sluice; add the origin to SLUICE_CORS_ORIGINS')
}
