import { parseAccept } from '../encoders/parse-accept.ts'
import { createRoutes } from './create-routes.ts'

/** A file for browsers, as build/build.ts makes it. */
export interface Asset {
  readonly path: string
  readonly type: string
  /** The `ETag` of the content, without quotes. */
  readonly etag: string
  /** Additional response headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** The gzipped content. It is in base64, because the source of a module is text. */
  readonly gzip: string
}

/**
 * Serves the pages, the client and their other files from memory. `GET /` returns the chat page to
 * a client that accepts HTML, as browsers do. For other clients, the next route answers. A file is
 * decoded from base64 at its first request. `base` is the path in front of the routes.
 */
export function assets(files: readonly Asset[], base: string) {
  const app = createRoutes()
  for (const file of files) {
    const isChat = file.path === '/'
    const toResponse = createResponses(file)
    const isBelow = isPage(file) && base !== ''
    app.get(file.path, (c, next) => {
      if (isChat && !accepts(c.req.header('accept'), 'text/html')) return next()
      const isGzip = !isBelow && accepts(c.req.header('accept-encoding'), 'gzip')
      const etag = `"${file.etag}${isGzip ? '-gzip' : ''}"`
      const headers = {
        // Such a path contains a hash of the content, so the content never changes.
        'cache-control': file.path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
        'x-request-id': c.var.requestId,
        etag,
        vary: isChat ? 'accept, accept-encoding' : 'accept-encoding',
      }
      if (isKnown(etag, c.req.header('if-none-match'))) return new Response(null, { status: 304, headers })
      const response = toResponse(isGzip, headers)
      return isBelow ? toPageBelow(base, response) : response
    })
  }
  return app
}

/** Whether a file is a page, which loads scripts and styles. */
export function isPage({ type }: Asset): boolean {
  return type.startsWith('text/html')
}

function createResponses({ gzip, type, headers }: Asset) {
  let bytes: Uint8Array<ArrayBuffer> | undefined
  return (isGzip: boolean, added: Readonly<Record<string, string>>): Response => {
    bytes ??= Uint8Array.from(atob(gzip), (unit) => unit.charCodeAt(0))
    return new Response(isGzip ? bytes : unzip(bytes), {
      headers: { 'content-type': type, ...(isGzip && { 'content-encoding': 'gzip' }), ...headers, ...added },
      ...(isGzip && { encodeBody: 'manual' }), // otherwise workerd would gzip the body again
    })
  }
}

/** A page has the paths of its files. */
async function toPageBelow(base: string, page: Response): Promise<Response> {
  const html = await page.text()
  return new Response(html.replaceAll('"/assets/', `"${base}/assets/`), page)
}

function unzip(bytes: Uint8Array<ArrayBuffer>): ReadableStream {
  return new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
}

/**
 * Whether the list in a header contains this name with a quality above 0 (RFC 9110 §12.4.2). A
 * wildcard does not match the name, because browsers send the name itself.
 */
function accepts(header: string | undefined, name: string): boolean {
  return parseAccept(header).some((accepted) => accepted.name === name && accepted.quality > 0)
}

/**
 * Whether the list in `If-None-Match` contains this tag, with its quotes. The weak tag `W/"…"` is
 * the same as the strong one here (RFC 9110 §13.1.2).
 */
function isKnown(etag: string, ifNoneMatch = ''): boolean {
  return ifNoneMatch === '*' || ifNoneMatch.includes(etag)
}
