import { createMiddleware } from 'hono/factory'
import { cors } from 'hono/cors'
import { ServiceError } from '../errors.ts'

export interface OriginGuardOptions {
  /** Origins of other sites whose pages may ask, exactly as browsers write them. */
  origins: readonly string[]
  /** Paths that a link from anywhere may open. */
  isOpen(path: string): boolean
}

/** What OpenAI's, Anthropic's and the AI SDK's clients send from a browser, beside what needs no permission. */
const clientHeaders = [
  'authorization',
  'content-type',
  'accept',
  'x-api-key',
  'x-request-id',
  'prefer',
  'last-event-id',
  'user-agent',
  'anthropic-version',
  'anthropic-beta',
  'anthropic-dangerous-direct-browser-access',
  'openai-organization',
  'openai-project',
  'openai-beta',
  ...'arch lang os package-version retry-count runtime runtime-version timeout helper helper-method'
    .split(' ')
    .map((name) => `x-stainless-${name}`),
]

/**
 * Which web pages may ask (docs/protocol.md §7): ours, and those of listed origins, which get CORS headers. All others are refused before a
 * byte of the body is read, whatever their content type: a form of another site is no way in.
 */
export function originGuard({ origins, isOpen }: OriginGuardOptions) {
  const listed = new Set(origins)
  const allow = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowHeaders: clientHeaders,
    exposeHeaders: [
      'x-request-id',
      'x-sluice-ignored',
      'request-id',
      'retry-after',
      'preference-applied',
      'ratelimit',
      'ratelimit-policy',
      'www-authenticate',
    ],
    maxAge: 600,
  })
  return createMiddleware(async (c, next) => {
    const origin = c.req.header('origin')
    if (origin !== undefined) {
      if (listed.has(origin)) return allow(c, next)
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
