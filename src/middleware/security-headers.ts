import type { MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { secureHeaders } from 'hono/secure-headers'

type SecureHeaders = NonNullable<Parameters<typeof secureHeaders>[0]>

/**
 * The chat page may load scripts, styles, images and data only from this server. It may also show
 * images from `data:` and `blob:` URLs. It must not evaluate text as code or insert text as HTML.
 */
const pagePolicy: SecureHeaders['contentSecurityPolicy'] = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  connectSrc: ["'self'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
  requireTrustedTypesFor: ["'script'"],
}

/** A response that is not the page must not load anything, and no page may embed it in a frame. */
const dataPolicy: SecureHeaders['contentSecurityPolicy'] = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }

/**
 * Sets Hono's security headers, without HSTS, because the proxy that ends TLS must decide on HSTS.
 */
export function securityHeaders({ isPage }: { isPage(path: string): boolean }): MiddlewareHandler {
  const forPage = secureHeaders(toOptions(pagePolicy))
  const forData = secureHeaders(toOptions(dataPolicy))
  return createMiddleware((c, next) => (isPage(c.req.path) ? forPage : forData)(c, next))
}

function toOptions(contentSecurityPolicy: SecureHeaders['contentSecurityPolicy']): SecureHeaders {
  return {
    ...(contentSecurityPolicy && { contentSecurityPolicy }),
    crossOriginResourcePolicy: 'same-origin',
    xContentTypeOptions: 'nosniff',
    referrerPolicy: 'no-referrer',
    xFrameOptions: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    strictTransportSecurity: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  }
}
