import { Hono } from 'hono'
import { etag } from 'hono/etag'
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
 * The chat page, the client and what they are made of, without a file system. `GET /` is the page to whoever takes HTML, a browser, and a
 * word to everything else. Nothing is unpacked before it is asked for.
 */
export function assets(files: readonly Asset[]) {
  const app = new Hono<Env>().use(etag())
  for (const file of files) {
    const bytes = createBytes(file)
    app.get(file.path, async (c, next) => {
      if (file.path === '/' && !takes(c.req.header('accept'), 'text/html')) return next()
      const isGzip = takes(c.req.header('accept-encoding'), 'gzip')
      return new Response(isGzip ? bytes() : unzip(bytes()), {
        headers: {
          'content-type': file.type,
          'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
          vary: file.path === '/' ? 'accept, accept-encoding' : 'accept-encoding',
          etag: `"${file.etag}${isGzip ? '-gzip' : ''}"`,
          ...(isGzip && { 'content-encoding': 'gzip' }),
          ...file.headers,
        },
        // workerd would gzip it again.
        ...(isGzip && { encodeBody: 'manual' }),
      })
    })
  }
  return app.get('/', (c) => c.text('Sluice is running', 200, { vary: 'accept, accept-encoding' }))
}

function createBytes({ gzip }: Asset): () => Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer> | undefined
  return () => (bytes ??= Uint8Array.from(atob(gzip), (unit) => unit.charCodeAt(0)))
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
