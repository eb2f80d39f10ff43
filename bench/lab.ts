import { startPeer, type Peer } from './peer.ts'
import type { CrowdOptions, Sample } from './reader/crowd.ts'
import type { CrowdState, ReaderCalls } from './reader.ts'
import { rows, type RowName } from './rows/rows.ts'
import { startRow, type RunningRow } from './rows/start-row.ts'
import type { Mode, UpstreamCalls } from './upstream.ts'

export interface Readers {
  readonly id: number
  readonly firstSeed: number
  /** When each was closed at the upstream, `[seed, atMs]`; waits for all of them, or `limitMs`. */
  closedAtUpstream(limitMs: number): Promise<[number, number][]>
  /** How many have reached the upstream; waits for all of them, or `limitMs`. */
  openAtUpstream(limitMs: number): Promise<number>
  waitFirst(limitMs: number): Promise<CrowdState>
  waitEnded(limitMs: number): Promise<CrowdState>
  sample(ms: number): Promise<Sample>
  /** All leave, one by one; `[seed, atMs]` of each. */
  leave(spacingMs: number): Promise<[number, number][]>
  resume(): Promise<void>
  close(): Promise<void>
}

/** The bench's processes: one upstream, one for all readers, and the servers that are measured. */
export interface Lab {
  /** What went wrong so far, in words. */
  readonly failures: string[]
  /** Runs `use` with a fresh server of this row; what fails becomes a failure of the row, and undefined. */
  withRow<T>(name: RowName, settings: Record<string, string>, use: (server: RunningRow) => Promise<T>): Promise<T | undefined>
  /** Runs `use` with fresh servers of all these rows at once, of which each must relay a short stream whole. */
  withRows<T>(
    names: readonly RowName[],
    settings: Record<string, string>,
    use: (servers: RunningRow[]) => Promise<T>,
  ): Promise<T>
  /** Opens readers, and resolves when the last has asked. */
  read(
    server: RunningRow,
    mode: Mode,
    count: number,
    more?: Partial<Pick<CrowdOptions, 'spacingMs' | 'tokens' | 'headOnly'>>,
  ): Promise<Readers>
  /** Ends everything that was started; safe at any time, also while a process ends. */
  stop(): void
}

/** Starts the upstream and the readers' process. */
export async function startLab(): Promise<Lab> {
  const kills = new Set<() => void>()
  const failures: string[] = []
  const keep = <T extends Peer<never>>(peer: T): T => (kills.add(peer.stop), peer)
  const upstream = keep(await startPeer<UpstreamCalls>(new URL('./upstream.ts', import.meta.url)))
  const reader = keep(await startPeer<ReaderCalls>(new URL('./reader.ts', import.meta.url)))
  const upstreamPort = await upstream.call('port')
  let nextSeed = 1

  const read: Lab['read'] = async (server, mode, count, { spacingMs = 1, tokens = -1, headOnly = false } = {}) => {
    const firstSeed = nextSeed
    nextSeed += count
    const id = await reader.call('open', { port: server.port, mode, count, spacingMs, tokens, headOnly, firstSeed })
    await reader.call('opened', id)
    return {
      id,
      firstSeed,
      closedAtUpstream: (limitMs) => upstream.call('waitClosed', firstSeed, count, limitMs),
      openAtUpstream: (limitMs) => upstream.call('waitOpen', firstSeed, count, limitMs),
      waitFirst: (limitMs) => reader.call('waitFirst', id, count, limitMs),
      waitEnded: (limitMs) => reader.call('waitEnded', id, count, limitMs),
      sample: (ms) => reader.call('sample', id, server.pid, ms),
      leave: (ms) => reader.call('leave', id, ms),
      resume: () => reader.call('resume', id),
      close: () => reader.call('close', id),
    }
  }

  /** A figure of a server that relays wrongly means nothing. */
  const check = async (server: RunningRow): Promise<void> => {
    const readers = await read(server, 'paced', 1, { tokens: 10 })
    const { clean, events, refusal } = await readers.waitEnded(5_000)
    await readers.close()
    if (clean !== 1 || events !== 10)
      throw new Error(`Cannot measure ${server.row.name}: ${refusal ?? `${events} of 10 tokens arrived`}`)
  }

  const start = async (name: RowName, settings: Record<string, string>): Promise<RunningRow | undefined> => {
    const row = rows.find((one) => one.name === name)
    if (!row) throw new Error(`Cannot start ${name}: there is no such row`)
    let server: RunningRow | undefined
    try {
      server = await startRow(row, { upstreamPort, settings, onSpawn: (kill) => kills.add(kill) })
      await check(server)
      return server
    } catch (error) {
      await server?.stop()
      failures.push(String(error))
      return undefined
    }
  }

  return {
    failures,
    read,
    async withRow(name, settings, use) {
      const server = await start(name, settings)
      if (!server) return undefined
      try {
        return await use(server)
      } catch (error) {
        failures.push(`${name}: ${String(error)}`)
        return undefined
      } finally {
        await server.stop()
      }
    },
    async withRows(names, settings, use) {
      const servers: RunningRow[] = []
      try {
        for (const name of names) {
          const server = await start(name, settings)
          if (server) servers.push(server)
        }
        return await use(servers)
      } finally {
        for (const server of servers) await server.stop()
      }
    },
    stop() {
      for (const kill of kills) kill()
    },
  }
}
