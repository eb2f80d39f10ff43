import { ServiceError } from '../errors.ts'
import type { Principal } from './env.ts'
import { isEqual } from './is-equal.ts'
import type { KeyRing } from './key-ring.ts'
import type { ToPrincipal } from './principal-guard.ts'

/** SHA-256 of a text in UTF-8. */
export type Sha256 = (text: string) => Uint8Array | Promise<Uint8Array>

const anonymous: Principal = { name: '' }

/** The longest text that is accepted as a secret, in UTF-16 units. */
export const maxKeyLength = 4096

/**
 * Requires a valid key in one of the headers that `toSecrets` reads. A key in the URL is ignored,
 * because URLs are written to logs (docs/protocol.md#7-who-may-ask). If a request has several keys,
 * one valid key is enough, because programs also send keys of other services. Without a ring,
 * nobody needs a key.
 *
 * A key is found in a map by the hash of the secret, and the hash is then compared in full. The
 * time of the map depends on the hash. But a caller chooses a secret, and not its hash, so nobody
 * can come nearer to a hash guess by guess (SECURITY.md).
 * @throws ServiceError `unauthorized`, or the error of the ring
 */
export function createKeyPrincipal({ ring, sha256 }: { ring: KeyRing | undefined; sha256: Sha256 }): ToPrincipal {
  if (!ring) return () => anonymous
  return async ({ headers }) => {
    const secrets = toSecrets(headers)
    const looked = ring.look()
    if (looked) await looked
    let found: Principal | undefined
    let hasExpired = false
    for (const secret of secrets) {
      const hash = await sha256(secret)
      const key = ring.find(hash)
      if (!key || !isEqual(hash, toBytes(key.sha256))) continue
      if (ring.isExpired(key)) hasExpired = true
      else found = key
    }
    if (found) return found
    throw new ServiceError('unauthorized', toRefusal(secrets.length > 0, hasExpired))
  }
}

/** Only who has the secret of an expired key learns that there is one. */
function toRefusal(hasSecret: boolean, hasExpired: boolean): string {
  if (hasExpired) return 'This key has expired; ask for a new one'
  return hasSecret ? 'This key is not known here; check it' : 'This server needs a key; send Authorization: Bearer KEY'
}

/**
 * Returns the secrets in the headers of a request. If several of them are known keys, the
 * last one counts, so the Bearer token comes last. Clients of Azure send `api-key`, and clients
 * of Anthropic send `x-api-key`.
 */
export function toSecrets(headers: Headers): string[] {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  return [headers.get('api-key'), headers.get('x-api-key'), bearer].filter(
    (secret): secret is string => !!secret && secret.length <= maxKeyLength,
  )
}

/** Decodes hex digits in lower case. */
function toBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.byteLength; i++)
    bytes[i] = (toDigit(hex.charCodeAt(2 * i)) << 4) | toDigit(hex.charCodeAt(2 * i + 1))
  return bytes
}

/** The value of `0` to `9` (codes 48 to 57) and of `a` to `f` (codes 97 to 102). */
const toDigit = (code: number) => (code <= 57 ? code - 48 : code - 87)

/** The default hash function, which works on every runtime. */
export async function sha256OfWebCrypto(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
