import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../clock.ts'
import { cpuMsOf } from '../../tests/lab/process-stats.ts'
import { openConnection, type Connection, type Request } from './connection.ts'

export interface CrowdOptions extends Omit<Request, 'seed'> {
  count: number
  /** Between two connections. */
  spacingMs: number
  /** The seed of the first reader; the others count up from it. */
  firstSeed: number
  /** Read the beginning of the response and then nothing: stalled readers. */
  headOnly: boolean
}

/** What a crowd of readers got, and what it cost the server, in the same window of time. */
export interface Sample {
  ms: number
  events: number
  cpuMs: number
  /** Milliseconds between two pieces that one reader got. */
  gapsMs: number[]
}

export interface Crowd {
  readonly connections: readonly Connection[]
  opened(): Promise<void>
  /** Reads the server's clock and its own counters in the same moment: no message in between that a busy machine could delay. */
  sample(pids: readonly number[], ms: number): Promise<Sample>
  /** Readers leave one by one; resolves with `[seed, atMs]` of each. */
  leave(spacingMs: number): Promise<[number, number][]>
}

/** More gaps than this say nothing new. */
const MAX_GAPS = 100_000

export function openCrowd({ count, spacingMs, firstSeed, headOnly, ...request }: CrowdOptions): Crowd {
  const connections: Connection[] = []
  let gapsMs: number[] | undefined
  const onGap = (ms: number): void => {
    if (gapsMs && gapsMs.length < MAX_GAPS) gapsMs.push(ms)
  }
  const oneByOne = async (spacingMs: number, each: (i: number) => void): Promise<void> => {
    const startMs = nowMs()
    for (let i = 0; i < count; i++) {
      // By the clock and not by adding up sleeps, whose rounding would stretch it.
      const early = startMs + i * spacingMs - nowMs()
      if (early > 0) await sleep(early)
      each(i)
    }
  }
  const opening = oneByOne(spacingMs, (i) =>
    connections.push(openConnection({ ...request, seed: firstSeed + i }, { headOnly, onGap })),
  )
  const total = (): number => connections.reduce((sum, { events }) => sum + events, 0)

  return {
    connections,
    opened: () => opening,
    async sample(pids, ms) {
      gapsMs = []
      const before = { events: total(), cpuMs: cpuMsOf(...pids), atMs: nowMs() }
      await sleep(ms)
      const after = { events: total(), cpuMs: cpuMsOf(...pids), atMs: nowMs() }
      const gaps = gapsMs
      gapsMs = undefined
      return {
        ms: after.atMs - before.atMs,
        events: after.events - before.events,
        cpuMs: after.cpuMs - before.cpuMs,
        gapsMs: gaps,
      }
    },
    async leave(spacingMs) {
      const left: [number, number][] = []
      await oneByOne(spacingMs, (i) => {
        const connection = connections[i]
        if (connection) left.push([connection.seed, connection.leave()])
      })
      return left
    },
  }
}
