import { createMiddleware } from 'hono/factory'
import { cors } from 'hono/cors'
import { ServiceError } from '../errors.ts'

export interface OriginGuardOptions {
  /** Origins of other sites whose pages may ask, as browsers write them; `scheme://*` is any host of that scheme. */
  origins: readonly string[]
  /** Paths that a link from anywhere may open. */
  isOpen(path: string): boolean
}

/** Our headers that a page's own code may read, besides those that it may always read. */
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
 * Which web pages may ask (docs/protocol.md §7): ours, and those of listed origins, which get CORS headers. All others are refused before a
 * byte of the body is read, whatever their content type: a form of another site is no way in.
 */
export function originGuard({ origins, isOpen }: OriginGuardOptions) {
  const listed = new Set(origins)
  const isListed = (origin: string) =>
    !origin.includes('*') && (listed.has(origin) || listed.has(origin.replace(/:\/\/[\w.-]+$/, '://*')))
  const allow = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowHeaders: [], // those that the preflight asks for
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
      if (!isOwn(origin, c.req.header('host'))) throw forbidden()
    } else if (c.req.header('sec-fetch-site') === 'cross-site') {
      const isLink = c.req.header('sec-fetch-mode') === 'navigate' && (c.req.method === 'GET' || c.req.method === 'HEAD')
      if (!isLink || !isOpen(c.req.path)) throw forbidden()
    }
    await next()
    // What is kept for one origin is not another's.
    if (listed.size > 0) c.header('vary', 'Origin', { append: true })
  })
}

/**
 * What a preflight asks for is sent back to it, so it has to be what a browser sends: names of
 * headers (RFC 9110 §5.6.2).
 * @throws ServiceError `invalid_request`
 */
function assertNames(names: string) {
  if (names.length <= 4096 && /^(?:[\w!#$%&'*+.^`|~-]+(?: *, *[\w!#$%&'*+.^`|~-]+)*)?$/.test(names)) return
  throw new ServiceError(
    'invalid_request',
    'Access-Control-Request-Headers must be a list of names of headers, of 4096 characters at most',
  )
}

/** Host and port are the `Host` header's. The scheme is not compared: TLS may end before us, and then we do not know it. */
function isOwn(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin)
  if (!url || !host || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  // The same host under either scheme, so that both default ports are dropped.
  const own = URL.parse(`${url.protocol}//${host}`)
  return own?.host === url.host
}

function forbidden(): ServiceError {
  return new ServiceError('forbidden_origin', 'Pages of this origin may not ask here; SLUICE_CORS_ORIGINS lists those that may')
}
