import type { MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { secureHeaders } from 'hono/secure-headers'

type SecureHeaders = NonNullable<Parameters<typeof secureHeaders>[0]>

/** What the chat page may do: run, look like and ask what is served here, and show images that it has; nothing is evaluated or written as HTML. */
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

/** Answers that are data are not run, framed or taken in by another site's page. */
const dataPolicy: SecureHeaders['contentSecurityPolicy'] = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }

/** Hono's own. Whether the way to us is TLS is for who ends it to say, so there is no HSTS. */
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
