import { until } from './clock.ts'
import { openCrowd, type Crowd, type CrowdOptions } from './reader/crowd.ts'
import { serveCalls } from '../tests/lab/serve-calls.ts'

/**
 * The state of a crowd. `firstsMs` lists the milliseconds to the first token, for each reader that
 * has a token. `clean` counts the responses that ended with the last HTTP chunk, and `broken`
 * counts the responses that ended without it.
 */
export interface CrowdState {
  firstsMs: number[]
  clean: number
  broken: number
  events: number
  refusal: string | undefined
}

const crowds = new Map<number, Crowd>()
let lastId = 0

function crowdOf(id: number): Crowd {
  const crowd = crowds.get(id)
  if (!crowd) throw new Error(`Cannot find crowd ${id}: it was closed`)
  return crowd
}

function stateOf({ connections }: Crowd): CrowdState {
  return {
    firstsMs: connections.flatMap(({ firstMs }) => (firstMs === undefined ? [] : [firstMs])),
    clean: connections.filter(({ ended }) => ended === 'clean').length,
    broken: connections.filter(({ ended }) => ended === 'broken').length,
    events: connections.reduce((sum, { events }) => sum + events, 0),
    refusal: connections.find(({ refusal }) => refusal !== undefined)?.refusal,
  }
}

/**
 * The calls that the bench may make to this process. Each crowd of readers has a number as its id.
 */
const calls = {
  open(options: CrowdOptions): number {
    crowds.set(++lastId, openCrowd(options))
    return lastId
  },
  async opened(id: number): Promise<void> {
    await crowdOf(id).opened()
  },
  /** Waits until this many readers have their first token, but at most `limitMs`. */
  async waitFirst(id: number, count: number, limitMs: number): Promise<CrowdState> {
    const crowd = crowdOf(id)
    await until(() => crowd.connections.filter(({ firstMs }) => firstMs !== undefined).length >= count, limitMs)
    return stateOf(crowd)
  },
  /** Waits until this many responses have ended, but at most `limitMs`. */
  async waitEnded(id: number, count: number, limitMs: number): Promise<CrowdState> {
    const crowd = crowdOf(id)
    await until(() => crowd.connections.filter(({ ended }) => ended !== undefined).length >= count, limitMs)
    return stateOf(crowd)
  },
  /**
   * Waits until all readers have this many tokens, but at most `limitMs`. Resolves with the number
   * of readers that have them, and with the time of the newest token of these readers.
   */
  async waitTokens(id: number, tokens: number, limitMs: number): Promise<{ readers: number; lastMs: number }> {
    const { connections } = crowdOf(id)
    await until(() => connections.every(({ events }) => events >= tokens), limitMs)
    const served = connections.filter(({ events }) => events >= tokens)
    return { readers: served.length, lastMs: served.reduce((last, { lastMs }) => Math.max(last, lastMs), 0) }
  },
  sample: (id: number, pids: readonly number[], ms: number) => crowdOf(id).sample(pids, ms),
  leave: (id: number, spacingMs: number) => crowdOf(id).leave(spacingMs),
  /** Makes stalled readers read again. */
  resume(id: number): void {
    for (const connection of crowdOf(id).connections) connection.resume()
  },
  close(id: number): void {
    for (const connection of crowdOf(id).connections) connection.leave()
    crowds.delete(id)
  },
}
export type ReaderCalls = typeof calls
serveCalls(calls)
