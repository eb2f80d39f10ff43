import { createMiddleware } from 'hono/factory'

/**
 * The chat page may load scripts, styles, images and data only from this server. It may also show
 * images that it holds itself. It must not evaluate a text or write it as HTML.
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

/** An answer that is data must not load anything, and no page may frame it. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"

/** Sets the security headers. HSTS is the job of the proxy that ends TLS. */
export function securityHeaders({ isPage }: { isPage(path: string): boolean }) {
  return createMiddleware(async (c, next) => {
    await next()
    const { headers } = c.res
    headers.set('content-security-policy', isPage(c.req.path) ? pagePolicy : dataPolicy)
    headers.set('cross-origin-resource-policy', 'same-origin')
    headers.set('referrer-policy', 'no-referrer')
    headers.set('x-content-type-options', 'nosniff')
  })
}
