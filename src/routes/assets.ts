import { Hono } from 'hono'
import { etag, RETAINED_304_HEADERS } from 'hono/etag'
import type { Env } from '../middleware/env.ts'

/** A file for browsers, as build/build.ts makes it. */
export interface Asset {
  readonly path: string
  readonly type: string
  /** What the content is known by, without quotes. */
  readonly etag: string
  /** Whether the path has the content's hash, and so never means another one. */
  readonly isImmutable: boolean
  /** Further headers. */
  readonly headers: Readonly<Record<string, string>>
  /** Gzipped, in base64: a module is text. */
  readonly gzip: string
}

/**
 * The chat page, the client and what they are made of, without a file system. `GET /` is the page for who takes HTML, a browser; everybody
 * else gets what comes after. Nothing is unpacked before it is asked for.
 */
export function assets(files: readonly Asset[]) {
  const unlessKept = etag({ retainedHeaders: [...RETAINED_304_HEADERS, 'x-request-id'] })
  const app = new Hono<Env>()
  for (const file of files) {
    const isPage = file.path === '/'
    const toResponse = createResponses(file, isPage ? 'accept, accept-encoding' : 'accept-encoding')
    app.get(file.path, (c, next) => {
      if (isPage && !takes(c.req.header('accept'), 'text/html')) return next()
      return unlessKept(c, async () => {
        c.res = toResponse(takes(c.req.header('accept-encoding'), 'gzip'), c.var.requestId)
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
      ...(isGzip && { encodeBody: 'manual' }), // or workerd gzips it again
    })
  }
}

function unzip(bytes: Uint8Array<ArrayBuffer>): ReadableStream {
  return new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
}

/** Whether a list of a request's header names it, and not with a quality of 0 (RFC 9110 §12.4.2). A wildcard is no browser. */
function takes(header = '', name: string): boolean {
  return header
    .toLowerCase()
    .split(',')
    .map((range) => range.trim().split(/ *; */))
    .some(([type, ...parameters]) => type === name && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter)))
}
