import { etag, RETAINED_304_HEADERS } from 'hono/etag'
import { parseAccept } from 'hono/utils/accept'
import { createRoutes } from './create-routes.ts'

/** A file for browsers, as build/build.ts makes it. */
export interface Asset {
  readonly path: string
  readonly type: string
  /** The `ETag` of the content, without quotes. */
  readonly etag: string
  /** Whether the path contains a hash of the content. The content at such a path never changes. */
  readonly isImmutable: boolean
  /** Additional response headers. */
  readonly headers: Readonly<Record<string, string>>
  /** The gzipped content. It is in base64, because the source of a module is text. */
  readonly gzip: string
}

/**
 * Serves the chat page, the client and their other files from memory. `GET /` returns the page to a
 * client that accepts HTML, as browsers do. For other clients, the next route answers. A file is
 * decoded from base64 at its first request.
 */
export function assets(files: readonly Asset[]) {
  const unlessCached = etag({ retainedHeaders: [...RETAINED_304_HEADERS, 'x-request-id'] })
  const app = createRoutes()
  for (const file of files) {
    const isPage = file.path === '/'
    const toResponse = createResponses(file, isPage ? 'accept, accept-encoding' : 'accept-encoding')
    app.get(file.path, (c, next) => {
      if (isPage && !accepts(c.req.header('accept'), 'text/html')) return next()
      return unlessCached(c, async () => {
        c.res = toResponse(accepts(c.req.header('accept-encoding'), 'gzip'), c.var.requestId)
      })
    })
  }
  return app
}

function createResponses({ gzip, etag, type, isImmutable, headers }: Asset, vary: string) {
  let bytes: Uint8Array<ArrayBuffer> | undefined
  return (isGzip: boolean, requestId: string): Response => {
    bytes ??= Uint8Array.from(atob(gzip), (unit) => unit.charCodeAt(0))
    return new Response(isGzip ? bytes : unzip(bytes), {
      headers: {
        'content-type': type,
        'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
        'x-request-id': requestId,
        etag: `"${etag}${isGzip ? '-gzip' : ''}"`,
        vary,
        ...(isGzip && { 'content-encoding': 'gzip' }),
        ...headers,
      },
      ...(isGzip && { encodeBody: 'manual' }), // otherwise workerd would gzip the body again
    })
  }
}

function unzip(bytes: Uint8Array<ArrayBuffer>): ReadableStream {
  return new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
}

/**
 * Whether the list in a header contains this name with a quality above 0 (RFC 9110 §12.4.2). A
 * wildcard does not match the name, because browsers send the name itself.
 */
function accepts(header = '', name: string): boolean {
  return parseAccept(header.toLowerCase()).some(({ type, q }) => type === name && q > 0)
}
