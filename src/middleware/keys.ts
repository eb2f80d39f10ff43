import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env, Principal } from './env.ts'

/**
 * A key that callers may have. It has a name for the log and for limits, the hash of its secret,
 * and the globs of the models that it may use; undefined: all.
 */
interface ApiKey {
  readonly name: string
  /** 64 hex digits. */
  readonly sha256: string
  readonly models: readonly string[] | undefined
}

/** SHA-256 of a text in UTF-8. */
export type Sha256 = (text: string) => Uint8Array | Promise<Uint8Array>

const anonymous: Principal = { name: '', models: undefined }

/** A longer text is no key. */
const maxKeyLength = 4096

/**
 * Demands a key in one of the headers of `toSecrets`. A key in the URL does not count, because a
 * URL ends up in logs (docs/protocol.md#7-who-may-ask). One known key is enough, because programs
 * also send keys of other services. The hash of each secret is compared in full with every key's
 * hash, so that the time tells nothing about the secret or the keys.
 * @throws ServiceError `unauthorized`
 */
export function keyGuard({ keys, sha256 }: { keys: readonly ApiKey[]; sha256: Sha256 }) {
  const hashedKeys = keys.map((key) => ({ ...key, hash: toBytes(key.sha256) }))
  return createMiddleware<Env>(async (c, next) => {
    if (hashedKeys.length === 0) {
      c.set('principal', anonymous)
      return next()
    }
    const secrets = toSecrets(c.req.header())
    let found: ApiKey | undefined
    for (const secret of secrets) {
      const hash = await sha256(secret)
      for (const key of hashedKeys) if (isEqual(hash, key.hash)) found = key
    }
    if (!found) {
      const text =
        secrets.length > 0 ? 'This key is not known here; check it' : 'This server needs a key; send Authorization: Bearer KEY'
      throw new ServiceError('unauthorized', text)
    }
    c.set('principal', found)
    c.var.entry.key = found.name
    return next()
  })
}

/**
 * The secrets that a request has, the least important first. `api-key` is Azure's header, and
 * `x-api-key` is Anthropic's.
 */
function toSecrets(headers: Readonly<Record<string, string>>): string[] {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  return [headers['api-key'], headers['x-api-key'], bearer].filter(
    (secret): secret is string => !!secret && secret.length <= maxKeyLength,
  )
}

/** Takes the same time wherever the two differ (`npm run bench -- --only key-timing`). */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.byteLength ^ b.byteLength
  for (let i = 0; i < b.byteLength; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

function toBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

/** The portable default, which every runtime has. */
export async function sha256OfWebCrypto(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
