import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../clock.ts'
import { cpuMsOf } from '../../tests/lab/process-stats.ts'
import { openConnection, type Connection, type Request } from './connection.ts'

export interface CrowdOptions extends Omit<Request, 'seed'> {
  count: number
  /** Milliseconds between the openings of two connections. */
  spacingMs: number
  /** The seed of the first reader. Each further reader has the next number. */
  firstSeed: number
  /** Whether the readers stall: they read the beginning of the response and then nothing. */
  headOnly: boolean
}

/**
 * The tokens that a crowd of readers got, and the CPU time of the server, in the same window of
 * time.
 */
export interface Sample {
  ms: number
  events: number
  cpuMs: number
  /** Milliseconds between two pieces that the same reader got. */
  gapsMs: number[]
}

export interface Crowd {
  readonly connections: readonly Connection[]
  opened(): Promise<void>
  /**
   * Samples readers and server for `ms`. This process reads both the server's CPU time and the
   * crowd's counters, so that it can read them at the same moment. A message between two processes
   * could be late on a busy machine.
   */
  sample(pids: readonly number[], ms: number): Promise<Sample>
  /** Makes readers disconnect, one by one. Resolves with one `[seed, atMs]` for each reader. */
  leave(spacingMs: number): Promise<[number, number][]>
}

/** At most this many gaps are recorded. More gaps would hardly change the percentiles. */
const MAX_GAPS = 100_000

export function openCrowd({ count, spacingMs, firstSeed, headOnly, ...request }: CrowdOptions): Crowd {
  const connections: Connection[] = []
  let gapsMs: number[] | undefined
  const onGap = (ms: number): void => {
    if (gapsMs && gapsMs.length < MAX_GAPS) gapsMs.push(ms)
  }
  const forEachSpaced = async (spacingMs: number, each: (i: number) => void): Promise<void> => {
    const startMs = nowMs()
    for (let i = 0; i < count; i++) {
      // Each wait is computed from the start time. Otherwise the errors of single waits would add
      // up.
      const waitMs = startMs + i * spacingMs - nowMs()
      if (waitMs > 0) await sleep(waitMs)
      each(i)
    }
  }
  const opening = forEachSpaced(spacingMs, (i) =>
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
      const departures: [number, number][] = []
      await forEachSpaced(spacingMs, (i) => {
        const connection = connections[i]
        if (connection) departures.push([connection.seed, connection.leave()])
      })
      return departures
    },
  }
}
