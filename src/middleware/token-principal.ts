import { ServiceError } from '../errors.ts'
import type { Principal } from './env.ts'
import type { KeyRing } from './key-ring.ts'
import { maxKeyLength, toSecrets } from './keys.ts'
import type { ToPrincipal } from './principal-guard.ts'
import { isStreamToken, type StreamTokens } from './stream-tokens.ts'

export interface TokenPrincipalOptions {
  tokens: StreamTokens
  ring: KeyRing
  /** The path in front of the routes. */
  base: string
  /** Says who sends a request without a token. */
  ofKey: ToPrincipal
}

/**
 * Accepts a stream token where a key may be, and in the URL of `GET /streams/:run` alone, because
 * an `EventSource` sends no header (docs/protocol.md#7-who-may-ask). The caller is the key of the
 * token, as long as the key is valid, without the rights of an operator. A request with a valid
 * token and a valid key has the rights of the token.
 * @throws ServiceError `unauthorized`, with the same text for a forged, foreign and expired token
 */
export function createTokenPrincipal({ tokens, ring, base, ofKey }: TokenPrincipalOptions): ToPrincipal {
  return async (request) => {
    const secrets = toSecrets(request.headers)
    const texts = secrets.length > 0 ? secrets.filter(isStreamToken) : toTokenOfUrl(request, base)
    const looked = texts.length > 0 ? ring.look() : undefined
    if (looked) await looked
    for (const text of texts) {
      const token = await tokens.verify(text, (name) => ring.get(name)?.sha256)
      const key = token && ring.get(token.key)
      if (key) return { name: key.name, models: key.models, quota: key.quota, token } satisfies Principal
    }
    if (texts.length === 0 || texts.length < secrets.length) return ofKey(request)
    throw new ServiceError('unauthorized', 'This token is not valid here; it may have expired, so get a new one')
  }
}

/** Returns the token in the URL of a request that reads a run. */
function toTokenOfUrl({ method, url }: Request, base: string): string[] {
  if (method !== 'GET' || !url.includes('token=')) return []
  const { pathname, searchParams } = new URL(url)
  const run = pathname.startsWith(`${base}/streams/`) ? pathname.slice(`${base}/streams/`.length) : ''
  const texts = searchParams.getAll('token')
  return run !== '' && !run.includes('/') && texts.length === 1 ? texts.filter((text) => text.length <= maxKeyLength) : []
}
