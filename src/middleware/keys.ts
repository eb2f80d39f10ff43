import { ServiceError } from '../errors.ts'
import type { Principal } from './env.ts'
import type { ToPrincipal } from './principal-guard.ts'

/**
 * A key of a caller. Its name identifies the caller in the log and in limits. `models` are the
 * globs of the models that the key may use. If `models` is undefined, the key may use all models.
 */
interface ApiKey {
  readonly name: string
  /** The SHA-256 of the secret, as 64 hex digits. */
  readonly sha256: string
  readonly models: readonly string[] | undefined
}

/** SHA-256 of a text in UTF-8. */
export type Sha256 = (text: string) => Uint8Array | Promise<Uint8Array>

const anonymous: Principal = { name: '' }

/** The longest text that is accepted as a secret, in UTF-16 units. */
const maxKeyLength = 4096

/**
 * Requires a known key in one of the headers that `toSecrets` reads. A key in the URL is ignored,
 * because URLs are written to logs (docs/protocol.md#7-who-may-ask). If a request has several keys,
 * one known key is enough, because programs also send keys of other services. The hash of each
 * secret is compared in full with the hash of every key, so that the response time reveals nothing
 * about the keys.
 * @throws ServiceError `unauthorized`
 */
export function createKeys({ keys, sha256 }: { keys: readonly ApiKey[]; sha256: Sha256 }): ToPrincipal {
  if (keys.length === 0) return () => anonymous
  const hashedKeys = keys.map((key) => ({ ...key, hash: toBytes(key.sha256) }))
  return async ({ headers }) => {
    const secrets = toSecrets(headers)
    let found: ApiKey | undefined
    for (const secret of secrets) {
      const hash = await sha256(secret)
      for (const key of hashedKeys) if (isEqual(hash, key.hash)) found = key
    }
    if (found) return found
    const text =
      secrets.length > 0 ? 'This key is not known here; check it' : 'This server needs a key; send Authorization: Bearer KEY'
    throw new ServiceError('unauthorized', text)
  }
}

/**
 * Returns the secrets in the headers of a request. If several of them are known keys, the
 * last one counts, so the Bearer token comes last. Clients of Azure send `api-key`, and clients
 * of Anthropic send `x-api-key`.
 */
function toSecrets(headers: Headers): string[] {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  return [headers.get('api-key'), headers.get('x-api-key'), bearer].filter(
    (secret): secret is string => !!secret && secret.length <= maxKeyLength,
  )
}

/**
 * Compares in a time that does not depend on where `a` and `b` differ. The benchmark `key-timing`
 * measures this.
 */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.byteLength ^ b.byteLength
  for (let i = 0; i < b.byteLength; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

function toBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

/** The default hash function, which works on every runtime. */
export async function sha256OfWebCrypto(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
