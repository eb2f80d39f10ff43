import type { KeyRing, RingKey } from '../../middleware/key-ring.ts'

/**
 * Returns the ring of an isolate for one object of a run. The object hears only of the keys whose
 * streams it has, and only when it looks itself, because the isolate must not keep the object in
 * memory. The Worker has counted the requests already, so the object counts none.
 */
export function createObjectKeys(ring: KeyRing): KeyRing {
  const listeners: ((names: ReadonlySet<string>) => void)[] = []
  /** The names of the keys that were asked for, and that were valid. */
  const valid = new Set<string>()

  const withoutRequests = (key: RingKey | undefined) => key && { ...key, quota: { ...key.quota, perMinute: 0 } }

  return {
    ...ring,
    find: (hash) => withoutRequests(ring.find(hash)),
    get(name) {
      const key = ring.get(name)
      if (key) valid.add(name)
      return withoutRequests(key)
    },
    async look() {
      await ring.look()
      const revoked = new Set([...valid].filter((name) => !ring.get(name)))
      for (const name of revoked) valid.delete(name)
      if (revoked.size > 0) for (const listener of listeners) listener(revoked)
    },
    onRevoked: (listener) => void listeners.push(listener),
  }
}
