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
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(who)))
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return callers.get(callers.idFromName(hex))
}
