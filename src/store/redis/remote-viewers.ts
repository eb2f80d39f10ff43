/**
 * The readers that a run has at other processes. Each process repeats its number of readers. A
 * process that does not repeat it is dead, or cannot reach us, and its readers count no more.
 */
export interface RemoteViewers {
  /** Sets how many readers the process `from` has. */
  set(from: string, count: number): void
  /** Forgets the readers of processes that are silent. */
  expire(): void
  /** The processes that have readers. */
  readonly processes: Iterable<string>
}

export interface RemoteViewersOptions {
  /** Adds a reader to the run. Returns a function that removes it. */
  join(): () => void
  /** How long the readers of a silent process count, in milliseconds. */
  readonly ttlMs: number
  readonly now: () => number
}

export function createRemoteViewers({ join, ttlMs, now }: RemoteViewersOptions): RemoteViewers {
  const viewers = new Map<string, { readonly leaves: (() => void)[]; toldAt: number }>()

  function set(from: string, count: number) {
    const leaves = viewers.get(from)?.leaves ?? []
    while (leaves.length < count) leaves.push(join())
    while (leaves.length > count) leaves.pop()!()
    if (count > 0) viewers.set(from, { leaves, toldAt: now() })
    else viewers.delete(from)
  }

  return {
    set,
    expire() {
      for (const [from, { toldAt }] of viewers) if (now() - toldAt > ttlMs) set(from, 0)
    },
    get processes() {
      return viewers.keys()
    },
  }
}
