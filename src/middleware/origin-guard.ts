import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'

export interface OriginGuardOptions {
  /**
   * The origins whose pages may send requests, besides the origin of this server. They are written
   * as in the `Origin` header. `scheme://*` matches any host of that scheme.
   */
  origins: readonly string[]
  /** Whether a link from any site may open this path. */
  isOpen(path: string): boolean
}

/**
 * The response headers that scripts of other origins may read, besides the headers that CORS always
 * allows.
 */
const exposedHeaders = [
  'content-location',
  'x-request-id',
  'request-id',
  'x-sluice-ignored',
  'x-sluice-default-model',
  'x-sluice-host',
  'retry-after',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'www-authenticate',
  'allow',
  'accept-encoding',
  'x-vercel-ai-ui-message-stream',
].join(',')

/**
 * Decides which web pages may send requests (docs/protocol.md#7-who-may-ask). Pages of this server
 * and pages of the configured `origins` may send requests. Responses to the configured origins get
 * CORS headers. Requests of all other pages are rejected before the body is read. The content type
 * does not matter, so forms of other sites are rejected, too.
 */
export function originGuard({ origins, isOpen }: OriginGuardOptions) {
  const listed = new Set(origins)
  const isListed = (origin: string) =>
    !origin.includes('*') && (listed.has(origin) || listed.has(origin.replace(/:\/\/[\w.-]+$/, '://*')))
  return createMiddleware(async (c, next) => {
    const origin = c.req.header('origin')
    if (origin !== undefined) {
      if (isListed(origin)) {
        const isPreflight = c.req.method === 'OPTIONS'
        if (isPreflight) c.res = toPreflightResponse(c.req.header('access-control-request-headers') ?? '')
        else await next()
        c.header('access-control-allow-origin', origin)
        c.header('access-control-expose-headers', exposedHeaders)
        c.header('vary', 'Origin', { append: true })
        return
      }
      if (!isSameHost(origin, c.req.header('host'))) throw forbidden()
    } else if (c.req.header('sec-fetch-site') === 'cross-site') {
      const isLink = c.req.header('sec-fetch-mode') === 'navigate' && (c.req.method === 'GET' || c.req.method === 'HEAD')
      if (!isLink || !isOpen(c.req.path)) throw forbidden()
    }
    await next()
    // Without `Vary`, a cache could send one origin the response that it stored for another origin.
    if (listed.size > 0) c.header('vary', 'Origin', { append: true })
  })
}

/**
 * The answer to a preflight repeats the names of headers that it asks for. They must be a
 * comma-separated list of tokens (RFC 9110 §5.6.2).
 * @throws ServiceError `invalid_request`
 */
function toPreflightResponse(names: string): Response {
  if (names.length > 4096 || !/^(?:[\w!#$%&'*+.^`|~-]+(?: *, *[\w!#$%&'*+.^`|~-]+)*)?$/.test(names))
    throw new ServiceError(
      'invalid_request',
      'Access-Control-Request-Headers must be a list of names of headers, of 4096 characters at most',
    )
  const headers = new Headers({ 'access-control-max-age': '600', 'access-control-allow-methods': 'GET,HEAD,POST,DELETE' })
  if (names !== '') {
    headers.set('access-control-allow-headers', names)
    headers.set('vary', 'Access-Control-Request-Headers')
  }
  return new Response(null, { status: 204, headers })
}

/**
 * Whether an origin has the host and port of the `Host` header. The scheme is not compared, because
 * a proxy in front may end TLS. Then Sluice does not know whether the browser used https.
 */
export function isSameHost(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin)
  if (!url || !host || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  // `URL` drops a port that is the default of the scheme. So the host is parsed with the scheme of
  // the origin: then such a port is dropped on both sides.
  const target = URL.parse(`${url.protocol}//${host}`)
  return target?.host === url.host
}

function forbidden(): ServiceError {
  return new ServiceError('forbidden_origin', 'Pages of this origin may not call Sluice; add the origin to SLUICE_CORS_ORIGINS')
}
