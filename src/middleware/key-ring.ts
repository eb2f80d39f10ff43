import { toHex } from '../hex.ts'
import type { Principal } from './env.ts'

/** A key of a caller. The caller is its principal. */
export interface RingKey extends Principal {
  /** The SHA-256 of the secret, as 64 hex digits in lower case. */
  readonly sha256: string
  /** From this time on the key is not valid, in milliseconds since 1970. */
  readonly expiresAt?: number | undefined
}

/** The keys of callers. They may change while the app runs. */
export interface KeyRing {
  /** Returns the key with this SHA-256, also if it has expired. */
  find(hash: Uint8Array): RingKey | undefined
  isExpired(key: RingKey): boolean
  /** Returns the key with this name, if it is valid. */
  get(name: string): RingKey | undefined
  /** Takes these keys in place of all others. */
  replace(keys: readonly RingKey[]): void
  /**
   * Looks for keys that have expired or changed. Call it before `find`, and once a second where a
   * timer can run.
   */
  look(): void | Promise<void>
  /**
   * `listener` hears the names of keys that were valid and are not any more. A name that has got
   * another secret stays valid.
   */
  onRevoked(listener: (names: ReadonlySet<string>) => void): void
}

/** A ring whose keys are in memory. */
export interface MemoryKeyRing extends KeyRing {
  look(): void
}

/** Creates a ring. `time` returns milliseconds since 1970, because an expiry is a date. */
export function createKeyRing(keys: readonly RingKey[], time: () => number = Date.now): MemoryKeyRing {
  const listeners: ((names: ReadonlySet<string>) => void)[] = []
  let byHash = new Map<string, RingKey>()
  /** The valid keys, as far as `look` has seen. */
  let byName = new Map<string, RingKey>()
  let nextExpiry = Infinity

  const isExpired = ({ expiresAt = Infinity }: RingKey) => expiresAt <= time()

  function tell(names: ReadonlySet<string>) {
    if (names.size > 0) for (const listener of listeners) listener(names)
  }
  function replace(keys: readonly RingKey[]) {
    const before = byName
    byHash = new Map(keys.map((key) => [key.sha256, key]))
    byName = new Map(keys.filter((key) => !isExpired(key)).map((key) => [key.name, key]))
    nextExpiry = Infinity
    for (const { expiresAt = Infinity } of byName.values()) nextExpiry = Math.min(nextExpiry, expiresAt)
    tell(new Set([...before.keys()].filter((name) => !byName.has(name))))
  }
  replace(keys)

  return {
    find: (hash) => byHash.get(toHex(hash)),
    isExpired,
    get(name) {
      const key = byName.get(name)
      return key && !isExpired(key) ? key : undefined
    },
    replace,
    look() {
      if (time() >= nextExpiry) replace([...byHash.values()])
    },
    onRevoked: (listener) => void listeners.push(listener),
  }
}
