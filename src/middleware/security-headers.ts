import type { MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'

/**
 * The chat page may load scripts, styles, images and data only from this server. It may also show
 * images from `data:` and `blob:` URLs. It must not evaluate text as code or insert text as HTML.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

/** A response that is not the page must not load anything, and no page may embed it in a frame. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"

/**
 * Sets the security headers. HSTS is none of them, because the proxy that ends TLS must decide on
 * HSTS. Hono's own middleware would be 1 kB more code, gzipped, and eight of its twelve headers
 * would be off.
 */
export function securityHeaders({ isPage }: { isPage(path: string): boolean }): MiddlewareHandler {
  return createMiddleware(async (c, next) => {
    await next()
    const { headers } = c.res
    headers.set('content-security-policy', isPage(c.req.path) ? pagePolicy : dataPolicy)
    headers.set('cross-origin-resource-policy', 'same-origin')
    headers.set('referrer-policy', 'no-referrer')
    headers.set('x-content-type-options', 'nosniff')
  })
}
