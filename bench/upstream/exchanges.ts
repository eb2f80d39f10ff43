import type { ServerResponse } from 'node:http'
import { nowMs, until } from '../clock.ts'

/** The book of what readers did: how many exchanges are open, and when each was closed by its reader. */
export interface Exchanges {
  add(seed: number, response: ServerResponse): void
  /** How many exchanges of the seeds from `first` on are open, as soon as `count` are, or after `limitMs`. */
  readonly waitOpen: (first: number, count: number, limitMs: number) => Promise<number>
  /** When each of these seeds was closed by its reader (`[seed, atMs]`), as soon as all were, or after `limitMs`. */
  readonly waitClosed: (first: number, count: number, limitMs: number) => Promise<[number, number][]>
}

export function createExchanges(): Exchanges {
  const open = new Set<number>()
  const closedMs = new Map<number, number>()
  const seedsOf = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i)

  return {
    add(seed, response) {
      open.add(seed)
      response.on('close', () => {
        open.delete(seed)
        if (!response.writableFinished) closedMs.set(seed, nowMs())
      })
    },
    async waitOpen(first, count, limitMs) {
      const seeds = seedsOf(first, count)
      await until(() => seeds.every((seed) => open.has(seed)), limitMs)
      return seeds.filter((seed) => open.has(seed)).length
    },
    async waitClosed(first, count, limitMs) {
      const seeds = seedsOf(first, count)
      await until(() => seeds.every((seed) => closedMs.has(seed)), limitMs)
      return seeds.flatMap((seed) => {
        const atMs = closedMs.get(seed)
        return atMs === undefined ? [] : [[seed, atMs]]
      })
    },
  }
}
