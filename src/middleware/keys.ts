import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env, Principal } from './env.ts'

/** Who may ask: a name for the log and for limits, what its secret hashes to, and the models that it may use; undefined: all that there are. */
interface ApiKey {
  readonly name: string
  /** 64 hex digits. */
  readonly sha256: string
  readonly models: readonly string[] | undefined
}

/** SHA-256 of a text in UTF-8. */
export type Sha256 = (text: string) => Uint8Array | Promise<Uint8Array>

const anybody: Principal = { name: '', models: undefined }

/**
 * Asks for a key, as `Authorization: Bearer` or `x-api-key`; nowhere else: a URL ends up in logs (docs/protocol.md §7). What is compared are
 * hashes, each with every key's and in full, so that time tells nothing of either.
 * @throws ServiceError `unauthorized`
 */
export function keyGuard({ keys, sha256 }: { keys: readonly ApiKey[]; sha256: Sha256 }) {
  const known = keys.map((key) => ({ ...key, hash: toBytes(key.sha256) }))
  return createMiddleware<Env>(async (c, next) => {
    if (known.length === 0) {
      c.set('principal', anybody)
      return next()
    }
    const secret = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? c.req.header('x-api-key')
    const hash = secret ? await sha256(secret) : new Uint8Array(32)
    let found: ApiKey | undefined
    for (const key of known) if (isEqual(hash, key.hash)) found = key
    if (!secret || !found) {
      throw new ServiceError('unauthorized', secret ? 'This key is not known here' : 'Send a key, as Authorization: Bearer KEY')
    }
    c.set('principal', found)
    c.var.entry.key = found.name
    return next()
  })
}

/** In the same time wherever they differ (`npm run bench -- --only key-timing`). */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.byteLength ^ b.byteLength
  for (let i = 0; i < b.byteLength; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

function toBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

/** The portable way. */
export async function sha256OfWebCrypto(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
