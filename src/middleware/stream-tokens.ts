import { isEqual } from './is-equal.ts'

/**
 * What a stream token says. It stands for a key for a short time, with less rights, so that a page
 * needs no key. Its fields have the names that they have in the token.
 */
export interface StreamToken {
  /** The name of the key. */
  readonly key: string
  /** Seconds since 1970. */
  readonly expires_at: number
  /** Globs of models. A model must match those of the key as well. */
  readonly models?: readonly string[] | undefined
  /** The APIs that it may use, as `Dialect.name`. Undefined: all. */
  readonly surfaces?: readonly string[] | undefined
  /** The longest answer, in tokens. */
  readonly num_predict?: number | undefined
  /** The origin of the pages that may use it. Undefined: any page, and programs. */
  readonly origin?: string | undefined
  /** The only run that it may read and stop. It then generates nothing. */
  readonly run?: string | undefined
}

export interface StreamTokens {
  /** Returns the text of a token. All its values must be ASCII. `keyHash` is the hash of the key's secret. */
  sign(token: StreamToken, keyHash: string): Promise<string>
  /**
   * Returns what a token says. Undefined if it was not signed here, or has expired, or if its key has
   * another secret now. `toKeyHash` returns undefined if there is no such key.
   */
  verify(text: string, toKeyHash: (name: string) => string | undefined): Promise<StreamToken | undefined>
}

export interface StreamTokensOptions {
  /** The key of the HMAC. Processes with the same secret accept each other's tokens. */
  secret: string
  /** Returns milliseconds since 1970. */
  time?: () => number
}

/** Tells a token from a key, and scanners of secrets what they have found. It is signed, too. */
const prefix = 'slt_'

/** Stands for the hash of a key that does not exist. */
const noHash = '0'.repeat(64)

export const isStreamToken = (text: string) => text.startsWith(prefix)

/**
 * Signs and verifies stream tokens: `slt_`, the token as JSON in base64url, a dot, and the
 * HMAC-SHA-256 in base64url. It is of all before the dot, a dot, and the hash of the key's secret.
 * So a token ends with the secret that has made it, and a key of the same name with another secret
 * does not revive it.
 */
export function createStreamTokens({ secret, time = Date.now }: StreamTokensOptions): StreamTokens {
  // The key is kept, and not its promise, because on workerd a promise belongs to one request
  // (docs/hazards.md#74).
  let key: CryptoKey | undefined

  async function toSigned(text: string, keyHash: string): Promise<string> {
    key ??= await crypto.subtle.importKey('raw', toBytes(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
    const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, toBytes(`${text}.${keyHash}`)))
    return `${text}.${toBase64Url(String.fromCharCode(...signature))}`
  }

  return {
    sign: (token, keyHash) => toSigned(prefix + toBase64Url(JSON.stringify(token)), keyHash),
    async verify(text, toKeyHash) {
      const signed = text.slice(0, text.lastIndexOf('.'))
      const token = isStreamToken(signed) ? parse(signed.slice(prefix.length)) : undefined
      const keyHash = token && toKeyHash(token.key)
      // A key that does not exist takes the same time, so that nobody learns the names of keys. The
      // texts are compared, because several texts in base64url may have the same bytes.
      const isSigned = isEqual(toBytes(text), toBytes(await toSigned(signed, keyHash ?? noHash)))
      return isSigned && keyHash !== undefined && token!.expires_at * 1000 > time() ? token : undefined
    },
  }
}

/** Reads a token that may be forged. Only a signed one has the fields that it should have. */
function parse(payload: string): StreamToken | undefined {
  try {
    return (JSON.parse(fromBase64Url(payload)) as StreamToken | null) ?? undefined
  } catch {
    return undefined
  }
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

function toBase64Url(binary: string): string {
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function fromBase64Url(text: string): string {
  return atob(text.replaceAll('-', '+').replaceAll('_', '/'))
}
