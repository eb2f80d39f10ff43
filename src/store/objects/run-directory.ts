import { once } from './once.ts'
import { ignore, unconfirmed, type ObjectStorage } from './storage.ts'

/** What a caller's list of runs knows of one run. */
export interface RunEntry {
  readonly id: string
  /** Detached runs are counted for each caller: a key, or an address if there are no keys. */
  readonly caller: string
  readonly requestId: string
  readonly state: 'attached' | 'detached' | 'finished'
  /** Whether the run goes on without a reader, whatever its state is. */
  readonly isBackground: boolean
  readonly chat?: string | undefined
  /** Whether the chat's last answer has been read to its end, or stopped. */
  readonly isChatOver?: boolean
  /** When the entry can be removed, in milliseconds since 1970. Undefined for an open run. */
  readonly expiresAt?: number | undefined
}

/** The runs of one key, or of everybody if there are no keys. */
export interface RunDirectory {
  /**
   * Adds a run, or replaces what is known of it. Returns false if more than `maxDetached` runs of
   * the caller would go on without a reader. A new background run is then not added.
   */
  set(entry: RunEntry, maxDetached: number): Promise<boolean>
  forget(id: string): Promise<void>
  /** Returns all runs, the oldest first. */
  list(): Promise<RunEntry[]>
}

export interface StoredRunDirectory extends RunDirectory {
  /** Removes what has expired. Returns whether nothing is left. */
  sweep(): Promise<boolean>
}

export interface RunDirectoryOptions {
  storage: ObjectStorage
  /** Returns the time in milliseconds since 1970. */
  now: () => number
}

type Stored = RunEntry & {
  /** The runs are numbered in the order in which they began. */
  readonly order: number
}

const prefix = 'run:'

/** Keeps the runs of a caller in the storage of a Durable Object. */
export function createRunDirectory({ storage, now }: RunDirectoryOptions): StoredRunDirectory {
  let order = 0

  const toEntries = once(async (): Promise<Map<string, Stored>> => {
    const stored = await storage.list<Stored>({ prefix })
    const entries = [...stored.values()].toSorted((a, b) => a.order - b.order)
    order = (entries.at(-1)?.order ?? -1) + 1
    return new Map(entries.map((entry) => [entry.id, entry]))
  })

  function put(entries: Map<string, Stored>, entry: Stored) {
    entries.set(entry.id, entry)
    storage.put(prefix + entry.id, entry, unconfirmed).catch(ignore)
  }
  function toExpiry({ expiresAt = Infinity }: RunEntry): number {
    return expiresAt
  }
  function remove(entries: Map<string, Stored>, id: string) {
    if (entries.delete(id)) storage.delete([prefix + id], unconfirmed).catch(ignore)
  }

  return {
    async set(entry, maxDetached) {
      const entries = await toEntries()
      const known = entries.get(entry.id)
      let others = 0
      for (const other of entries.values())
        if (other.id !== entry.id && other.caller === entry.caller && isWithoutReader(other) && toExpiry(other) > now())
          others++
      const isOneTooMany = entry.state === 'detached' && others >= maxDetached && !(entry.isBackground && known)
      if (isOneTooMany && entry.isBackground) return false
      if (!known && entry.chat !== undefined)
        for (const other of entries.values())
          if (other.chat === entry.chat && !other.isChatOver) put(entries, { ...other, isChatOver: true })
      const isChatOver = (entry.isChatOver ?? false) || (known?.isChatOver ?? false)
      put(entries, { ...entry, isChatOver, order: known?.order ?? order++ })
      return !isOneTooMany
    },
    async forget(id) {
      const entries = await toEntries()
      remove(entries, id)
    },
    async list() {
      const entries = await toEntries()
      return [...entries.values()].filter((entry) => toExpiry(entry) > now())
    },
    async sweep() {
      const entries = await toEntries()
      for (const entry of entries.values()) if (toExpiry(entry) <= now()) remove(entries, entry.id)
      return entries.size === 0
    },
  }
}

/** Finds the last run of a chat, as long as there is something to resume. */
export function findChatRun(entries: readonly RunEntry[], chat: string): RunEntry | undefined {
  const last = entries.findLast((entry) => entry.chat === chat)
  return last?.isChatOver ? undefined : last
}

function isWithoutReader({ state, isBackground }: RunEntry): boolean {
  return state === 'detached' || (isBackground && state === 'attached')
}
