import type { Exchange } from '#fake-ollama/exchange.ts'
import { nowMs, until } from '../clock.ts'
import type { Lines } from './lines.ts'

/** An exchange that has not ended, and its lines. */
interface Entry {
  readonly exchange: Exchange
  readonly lines: Lines
}

/**
 * Creates a registry of the readers by seed. It records which exchanges are open, and when each
 * reader closed its exchange.
 */
export function createRegistry() {
  const open = new Map<number, Entry>()
  const closedMs = new Map<number, number>()
  const seedsOf = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i)
  /** Returns the open exchanges of the `count` seeds from `first` on. */
  const openOf = (first: number, count: number) => seedsOf(first, count).flatMap((seed) => open.get(seed) ?? [])

  return {
    openOf,
    add(seed: number, entry: Entry): void {
      open.set(seed, entry)
      void entry.exchange.ended.then(() => open.delete(seed))
      void entry.exchange.closedByReader.then(() => closedMs.set(seed, nowMs()))
    },
    /**
     * Waits until the exchanges of all these seeds are open, but at most `limitMs`. Resolves with
     * the number of open exchanges.
     */
    async waitOpen(first: number, count: number, limitMs: number): Promise<number> {
      await until(() => seedsOf(first, count).every((seed) => open.has(seed)), limitMs)
      return openOf(first, count).length
    },
    /**
     * Waits until the readers of all these seeds have disconnected, but at most `limitMs`. Resolves
     * with one `[seed, atMs]` for each reader that has disconnected.
     */
    async waitClosed(first: number, count: number, limitMs: number): Promise<[number, number][]> {
      const seeds = seedsOf(first, count)
      await until(() => seeds.every((seed) => closedMs.has(seed)), limitMs)
      return seeds.flatMap((seed) => {
        const atMs = closedMs.get(seed)
        return atMs === undefined ? [] : [[seed, atMs]]
      })
    },
  }
}
