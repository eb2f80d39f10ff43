/**
 * The readers that a run has at other processes. Each process repeats its number of readers. A
 * process that does not repeat it is dead, or cannot reach us, and its readers count no more.
 */
export interface RemoteViewers {
  /**
   * Sets how many readers the process `from` has. `hasReadEnd` says that those who have left have
   * read the end. Returns whether the process had none before.
   */
  set(from: string, count: number, hasReadEnd?: boolean): boolean
  /** Counts all readers as just told. */
  renew(): void
  /** Forgets the readers of processes that are silent. */
  expire(): void
  /** The processes that have readers. */
  readonly processes: Iterable<string>
}

export interface RemoteViewersOptions {
  /** Adds a reader to the run. Returns a function that removes it. */
  join(): (hasReadEnd?: boolean) => void
  /** How long the readers of a silent process count, in milliseconds. */
  readonly ttlMs: number
  readonly now: () => number
}

/** A process has fewer readers of one run. A larger number is not from Sluice. */
const maxCount = 100_000

export function createRemoteViewers({ join, ttlMs, now }: RemoteViewersOptions): RemoteViewers {
  const viewers = new Map<string, { readonly leaves: ReturnType<typeof join>[]; toldAt: number }>()

  function set(from: string, count: number, hasReadEnd = false) {
    if (!Number.isInteger(count) || count < 0 || count > maxCount) return false
    const leaves = viewers.get(from)?.leaves ?? []
    const isNew = leaves.length === 0 && count > 0
    while (leaves.length < count) leaves.push(join())
    while (leaves.length > count) leaves.pop()!(hasReadEnd)
    if (count > 0) viewers.set(from, { leaves, toldAt: now() })
    else viewers.delete(from)
    return isNew
  }

  return {
    set,
    renew() {
      for (const one of viewers.values()) one.toldAt = now()
    },
    expire() {
      for (const [from, { toldAt }] of viewers) if (now() - toldAt > ttlMs) set(from, 0)
    },
    get processes() {
      return viewers.keys()
    },
  }
}
