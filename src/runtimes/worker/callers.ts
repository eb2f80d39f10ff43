import { toHex } from '../../hex.ts'
import { sha256OfWebCrypto } from '../../middleware/keys.ts'
import type { Caller } from './namespaces.ts'
import type { ObjectNamespace } from './platform.ts'

/** Returns the object that has the runs of a key, or of everybody if there are no keys. */
export function toDirectory(callers: ObjectNamespace<Caller>, owner: string): Promise<Caller> {
  return toCaller(callers, owner === '' ? 'everybody' : `key ${owner}`)
}

/**
 * Returns the object of a caller, which has the caller's limits. Cloudflare's tools show the names
 * of objects, so a name is only the hash of the caller.
 */
export async function toCaller(callers: ObjectNamespace<Caller>, who: string): Promise<Caller> {
  return callers.get(callers.idFromName(toHex(await sha256OfWebCrypto(who))))
}
