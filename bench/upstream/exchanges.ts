import type { ServerResponse } from 'node:http'
import { nowMs, until } from '../clock.ts'
import type { Lines } from './lines.ts'
import type { Question } from './question.ts'

/** One question, and the response to it. */
export interface Exchange extends Question {
  readonly response: ServerResponse
  readonly lines: Lines
}

/** The book of what readers did: which exchanges are open, and when each was closed by its reader. */
export interface Exchanges {
  add(exchange: Exchange): void
  /** The open ones of the `count` seeds from `first` on. */
  openOf(first: number, count: number): Exchange[]
  /** How many of these are open, as soon as all are, or after `limitMs`. */
  readonly waitOpen: (first: number, count: number, limitMs: number) => Promise<number>
  /** When each of these seeds was closed by its reader (`[seed, atMs]`), as soon as all were, or after `limitMs`. */
  readonly waitClosed: (first: number, count: number, limitMs: number) => Promise<[number, number][]>
}

export function createExchanges(): Exchanges {
  const open = new Map<number, Exchange>()
  const closedMs = new Map<number, number>()
  const seedsOf = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i)
  const openOf: Exchanges['openOf'] = (first, count) => seedsOf(first, count).flatMap((seed) => open.get(seed) ?? [])

  return {
    openOf,
    add(exchange) {
      const { seed, response } = exchange
      open.set(seed, exchange)
      response.on('close', () => {
        open.delete(seed)
        if (!response.writableFinished) closedMs.set(seed, nowMs())
      })
    },
    async waitOpen(first, count, limitMs) {
      const seeds = seedsOf(first, count)
      await until(() => seeds.every((seed) => open.has(seed)), limitMs)
      return openOf(first, count).length
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
