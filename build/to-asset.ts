import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Asset } from '../src/routes/assets.ts'

export interface Output {
  readonly path: string
  readonly type: string
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Makes the `Asset` of a file, which the server serves from memory (src/routes/assets.ts). */
export function toAsset({ path, type, text, headers }: Output): Asset {
  const etag = createHash('sha256').update(text).digest('base64url').slice(0, 12)
  const gzip = gzipSync(text, { level: 9 }).toString('base64')
  return { path, type, etag, ...(headers && { headers }), gzip }
}
