import { startPeer, type Peer } from '../tests/lab/peer.ts'
import type { CrowdOptions, Sample } from './reader/crowd.ts'
import type { CrowdState, ReaderCalls } from './reader.ts'
import type { Target } from './reader/target.ts'
import { pathToFileURL } from 'node:url'
import { createRounds, type Rounds } from './rounds.ts'
import { findGateway } from './rows/find-gateway.ts'
import { rows, type RowName } from './rows/rows.ts'
import type { RunningRow } from './rows/running-row.ts'
import { startRow, type StartOptions } from './rows/start-row.ts'
import type { Mode } from './upstream/question.ts'
import type { UpstreamCalls } from './upstream.ts'

export interface Readers {
  readonly id: number
  readonly firstSeed: number
  /**
   * Waits until the upstream has seen all readers disconnect, but at most `limitMs`. Resolves with
   * one `[seed, atMs]` for each reader that the upstream has seen disconnect.
   */
  closedAtUpstream(limitMs: number): Promise<[number, number][]>
  /**
   * Waits until all readers have reached the upstream, but at most `limitMs`. Resolves with the
   * number of readers that have reached it.
   */
  openAtUpstream(limitMs: number): Promise<number>
  waitFirst(limitMs: number): Promise<CrowdState>
  waitEnded(limitMs: number): Promise<CrowdState>
  /**
   * Makes the upstream send each reader one more token. Resolves with the time just before the
   * first of these tokens is sent.
   */
  sendTokens(): Promise<number>
  /**
   * Waits until all readers have this many tokens, but at most `limitMs`. Resolves with the number
   * of readers that have them, and with the time of the newest token of these readers.
   */
  waitTokens(tokens: number, limitMs: number): Promise<{ readers: number; lastMs: number }>
  sample(ms: number): Promise<Sample>
  /** Makes all readers disconnect, one by one. Resolves with one `[seed, atMs]` for each reader. */
  leave(spacingMs: number): Promise<[number, number][]>
  resume(): Promise<void>
  close(): Promise<void>
}

/**
 * The processes of the bench: one upstream, two processes that run the readers, and the servers
 * under test.
 */
export interface Lab {
  /** The URL of the upstream, for a gateway. */
  readonly upstreamUrl: string
  /** The failures so far, as text. */
  readonly failures: string[]
  /**
   * Runs `use` with a fresh server of this row. If the server does not start or `use` throws, the
   * error is added to `failures` and the result is undefined.
   */
  withRow<T>(name: RowName, options: StartOptions, use: (server: RunningRow) => Promise<T>): Promise<T | undefined>
  /**
   * Runs `use` with fresh servers of all these rows at once. A server that does not start is left
   * out, and its error is added to `failures`.
   */
  withRows<T>(names: readonly RowName[], options: StartOptions, use: (servers: RunningRow[]) => Promise<T>): Promise<T>
  /** Opens readers, and resolves when the last one has sent its request. */
  read(
    server: RunningRow,
    mode: Mode,
    count: number,
    more?: Partial<Pick<CrowdOptions, 'spacingMs' | 'tokens' | 'headOnly'>> & {
      /**
       * Whether these readers run in the second of the two reader processes. A flat-out crowd
       * blocks the event loop of its process for 100 ms at a time, which would delay other readers.
       */
      apart?: boolean
    },
  ): Promise<Readers>
  /** Returns the seed of a question that the measure itself asks. */
  nextSeed(): number
  /** Makes the upstream send one more token to the reader with this seed. */
  sendTokens(seed: number): Promise<number>
  /** As `Readers.closedAtUpstream`, for questions that the measure itself asks. */
  closedAtUpstream(firstSeed: number, count: number, limitMs: number): Promise<[number, number][]>
  /** Creates the rounds of one row. */
  rounds(): Rounds
  /** Ends every started process. It may be called at any time, even while this process ends. */
  stop(): void
}

export interface LabOptions {
  /** The port of the upstream. With 0, it is any free port. */
  readonly upstreamPort: number
  /** The gateway of the row `against`. */
  readonly against: Target | undefined
  /** The program of the row `olla`. */
  readonly olla: string | undefined
}

/** Starts the processes of the upstream and of the readers. */
export async function startLab({ upstreamPort: port, against, olla }: LabOptions): Promise<Lab> {
  const kills = new Set<() => void>()
  const failures: string[] = []
  /** This process, and those of a gateway. All others of the bench are children of this process. */
  const ownPids = new Set([process.pid])
  const register = <T extends Peer<never>>(peer: T): T => (kills.add(peer.stop), peer)
  const upstream = register(await startPeer<UpstreamCalls>(new URL('./upstream.ts', import.meta.url), String(port)))
  const startReader = async (): Promise<Peer<ReaderCalls>> =>
    register(await startPeer<ReaderCalls>(new URL('./reader.ts', import.meta.url)))
  const [together, alone] = [await startReader(), await startReader()]
  const upstreamPort = await upstream.call('port')
  let nextSeed = 1

  const read: Lab['read'] = async (
    server,
    mode,
    count,
    { spacingMs = 1, tokens = -1, headOnly = false, apart = false } = {},
  ) => {
    const reader = apart ? alone : together
    const firstSeed = nextSeed
    nextSeed += count
    const id = await reader.call('open', { target: server.target, mode, count, spacingMs, tokens, headOnly, firstSeed })
    await reader.call('opened', id)
    return {
      id,
      firstSeed,
      closedAtUpstream: (limitMs) => upstream.call('waitClosed', firstSeed, count, limitMs),
      openAtUpstream: (limitMs) => upstream.call('waitOpen', firstSeed, count, limitMs),
      waitFirst: (limitMs) => reader.call('waitFirst', id, count, limitMs),
      waitEnded: (limitMs) => reader.call('waitEnded', id, count, limitMs),
      sendTokens: () => upstream.call('sendTokens', firstSeed, count),
      waitTokens: (each, limitMs) => reader.call('waitTokens', id, each, limitMs),
      sample: (ms) => reader.call('sample', id, server.pids, ms),
      leave: (ms) => reader.call('leave', id, ms),
      resume: () => reader.call('resume', id),
      close: () => reader.call('close', id),
    }
  }

  const start = async (name: RowName, options: StartOptions): Promise<RunningRow | undefined> => {
    const seed = nextSeed++
    try {
      if (name === 'against' && against) {
        const gateway = await findGateway(against, { seed })
        for (const pid of gateway.pids) ownPids.add(pid)
        return gateway
      }
      const row =
        name === 'olla' && olla !== undefined
          ? ({ name, runtime: 'go', entry: pathToFileURL(olla) } as const)
          : rows.find((candidate) => candidate.name === name)
      if (!row) throw new Error(`Cannot start ${name}: there is no such row`)
      return await startRow(row, { upstreamPort, seed, onSpawn: (kill) => kills.add(kill) }, options)
    } catch (error) {
      failures.push(String(error))
      return undefined
    }
  }

  return {
    upstreamUrl: `http://127.0.0.1:${upstreamPort}`,
    failures,
    read,
    async withRow(name, options, use) {
      const server = await start(name, options)
      if (!server) return undefined
      try {
        return await use(server)
      } catch (error) {
        const output = server.exitOutput()
        failures.push(`${name}: ${output === undefined ? String(error) : `it ended and said: ${output}`}`)
        return undefined
      } finally {
        await server.stop()
      }
    },
    async withRows(names, options, use) {
      const servers: RunningRow[] = []
      try {
        for (const name of names) {
          const server = await start(name, options)
          if (server) servers.push(server)
        }
        return await use(servers)
      } finally {
        for (const server of servers) await server.stop()
      }
    },
    nextSeed: () => nextSeed++,
    sendTokens: (seed) => upstream.call('sendTokens', seed, 1),
    closedAtUpstream: (firstSeed, count, limitMs) => upstream.call('waitClosed', firstSeed, count, limitMs),
    rounds: () => createRounds(ownPids),
    stop() {
      for (const kill of kills) kill()
    },
  }
}
