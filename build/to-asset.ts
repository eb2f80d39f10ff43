import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

export interface Output {
  readonly path: string
  readonly type: string
  readonly text: string
  /** Whether the path contains a hash of the content. The content at such a path never changes. */
  readonly isImmutable?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** Makes the `Asset` of a file, which the server serves from memory (src/routes/assets.ts). */
export function toAsset({ path, type, text, isImmutable = false, headers = {} }: Output) {
  const etag = createHash('sha256').update(text).digest('base64url').slice(0, 16)
  const gzip = gzipSync(text, { level: 9 }).toString('base64')
  return { path, type, etag, isImmutable, headers, gzip }
}
