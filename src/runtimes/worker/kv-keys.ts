import { KeyFileError, parseKeys } from '../../config/key-file.ts'
import { ServiceError } from '../../errors.ts'
import { createKeyRing, type KeyRing } from '../../middleware/key-ring.ts'

/**
 * The part of Workers KV that is used here:
 * https://developers.cloudflare.com/kv/api/read-key-value-pairs/
 */
export interface KvNamespace {
  get(key: string): Promise<string | null>
}

export function isKvNamespace(value: unknown): value is KvNamespace {
  // The bindings of objects and of buckets have a `get`, too.
  return typeof value === 'object' && value !== null && 'getWithMetadata' in value
}

export interface KvKeysOptions {
  namespace: KvNamespace
  /** Writes a line for the operator. */
  write: (line: string) => void
  /** Returns milliseconds since 1970. */
  time: () => number
}

/** The value that has the text of a file of keys. */
const valueKey = 'keys.json'
/**
 * The keys are read again when they are older than this, in milliseconds. Cloudflare itself may
 * show a change only after a minute.
 */
const maxAgeMs = 30_000

/**
 * Creates a ring with the keys of a KV namespace. The first request after their time reads them
 * again, and waits for that. No request waits for the reading of another one, because reading dies
 * with its request (docs/hazards.md#40). A value with mistakes changes no key.
 * `look` rejects with ServiceError `misconfigured` as long as there are no keys.
 */
export function createKvRing({ namespace, write, time }: KvKeysOptions): KeyRing {
  const ring = createKeyRing([], time)
  let readAt = -Infinity
  let text: string | undefined
  let hasKeys = false
  let problem = ''

  async function readText(): Promise<string> {
    let value: string | null
    try {
      value = await namespace.get(valueKey)
    } catch {
      throw new KeyFileError(['cannot be read'])
    }
    if (value === null) throw new KeyFileError(['is missing'])
    return value
  }

  async function read() {
    readAt = time()
    try {
      const newText = await readText()
      if (newText !== text || !hasKeys) {
        const keys = parseKeys(newText)
        ring.replace(keys)
        text = newText
        hasKeys = true
      }
      problem = ''
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error
      const lines = error.message.replaceAll(/^/gm, `API_KEYS: ${valueKey} `)
      if (lines !== problem) write(lines)
      problem = lines
      if (!hasKeys)
        throw new ServiceError('misconfigured', `The keys of this Worker have mistakes: ${lines.replaceAll('\n', '; ')}`)
    }
  }

  return {
    ...ring,
    look() {
      ring.look()
      return hasKeys && time() - readAt < maxAgeMs ? undefined : read()
    },
  }
}
