import { storeUnavailable } from '../../streams/failures.ts'
import { toTerminalFrames } from '../../streams/recorder.ts'
import { createNumberer, type ReadableLog } from '../../streams/run-log.ts'
import { toExpiry } from './commands.ts'
import { isForeign, parseEntries, toNewest, toPart, toRange, toXadd, type Entry } from './entries.ts'
import { keys } from './keys.ts'
import type { Redis } from './redis.ts'

export interface RemoteLogsOptions {
  readonly redis: Redis
  /** How long a process may be silent before it counts as dead, in milliseconds. */
  readonly leaseMs: number
  readonly now: () => number
  /** Asks another process whether it is there. */
  isAlive(process: string): Promise<boolean>
}

/** A run of another process, as far as its log needs to know it. */
export interface RemoteSource {
  readonly id: string
  /** The key of its description. */
  readonly name: string
  /** The process that makes the run. */
  readonly process: string
  /** The frames that end the run if its process is dead. */
  readonly ending: string
  /** How long the run is kept after its end, in milliseconds. */
  readonly keepMs: number
}

/** The logs of runs of other processes. */
export interface RemoteLogs {
  open(source: RemoteSource): ReadableLog
  /** Calls the readers of a run, because there may be more to read. */
  ring(run: string): void
  /**
   * Looks after all logs that somebody reads. Call it once a second. Its commands travel together.
   */
  look(): Promise<void>
}

/** The readers of one log at this process. */
interface Watch {
  readonly source: RemoteSource
  readonly listeners: Set<() => void>
  /** Since when Redis has neither this log nor an open run that may begin it. */
  missingSince: number
  isLost: boolean
}

/** One read gets at most so many entries. An entry has a few kilobytes. */
const entriesPerRead = '2'

export function createRemoteLogs({ redis, leaseMs, now, isAlive }: RemoteLogsOptions): RemoteLogs {
  const watches = new Map<string, Watch>()
  /**
   * Since when all processes could renew their leases. They cannot if Redis is down, or if its
   * memory is full.
   */
  let wellSince = now()
  redis.onConnected(() => (wellSince = now()))
  /** Since when Redis has no lease of a process. */
  let silentSince = new Map<string, number>()

  const readEntries = async (id: string, after: number) =>
    parseEntries(await redis.send('XRANGE', keys.log(id), ...toRange(after), 'COUNT', entriesPerRead))
  const readNewest = async (id: string, count: number) =>
    parseEntries(await redis.send('XREVRANGE', keys.log(id), '+', '-', 'COUNT', `${count}`))

  /**
   * Whether a frame was dropped because the run has too many bytes. Otherwise Redis has lost it.
   */
  async function isDropped(id: string, number: number) {
    const [newest] = await readNewest(id, 1)
    return newest !== undefined && number < newest.oldest
  }

  function ringAll({ listeners }: Watch) {
    for (const listener of listeners) listener()
  }

  /** Ends the run of a dead process. If others do it at the same time, Redis takes one end. */
  async function end({ id, name, ending, keepMs }: RemoteSource) {
    const [newest] = await readNewest(id, 1)
    if (newest?.isEnd) return
    const { count = 0, oldest = 0 } = newest ?? {}
    const ends = toTerminalFrames(ending, count)
    const toNumbered = createNumberer(id)
    const frames = ends.map((frame, i) => toNumbered(count + i, frame)).join('')
    const entry: Entry = { epoch: 2, count: count + ends.length, first: count, oldest, frames, isEnd: true }
    await Promise.all([
      redis.send('XADD', keys.log(id), ...toXadd(entry)),
      redis.send('HSET', name, 'state', 'finished'),
      ...toExpiry(id, name, keepMs, leaseMs).map((command) => redis.send(...command)),
    ])
  }

  /**
   * Returns the processes that have had no lease for so long that each living one would have made
   * several, and for each whether it is dead. A Redis whose memory is full may drop each of them,
   * so the process itself is asked.
   */
  async function findSilent(): Promise<ReadonlyMap<string, Promise<boolean>>> {
    const processes = [...new Set(Array.from(watches.values(), ({ source }) => source.process))]
    const lives = await Promise.all(processes.map((process) => redis.send('EXISTS', keys.lease(process))))
    const time = now()
    const silent = processes.filter((_, i) => lives[i] === 0)
    silentSince = new Map(silent.map((process) => [process, silentSince.get(process) ?? time]))
    if (time - wellSince < leaseMs) return new Map()
    const suspects = silent.filter((process) => time - silentSince.get(process)! >= 0.4 * leaseMs)
    return new Map(suspects.map((process) => [process, isAlive(process).then((isThere) => !isThere)]))
  }

  async function lookAfter(watch: Watch, isDead: Promise<boolean> | undefined) {
    const { id, name } = watch.source
    const [log, state] = await Promise.all([redis.send('EXISTS', keys.log(id)), redis.send('HGET', name, 'state')])
    const time = now()
    // The log of an open run begins with its first frame. If Redis has dropped it, its process
    // copies it again.
    if (log === 1 || (state !== null && state !== 'finished')) watch.missingSince = Infinity
    else watch.missingSince = Math.min(watch.missingSince, Math.max(time, wellSince))
    watch.isLost = time - watch.missingSince > leaseMs
    ringAll(watch)
    if (watch.isLost || !(await isDead)) return
    await end(watch.source).catch(() => {})
    ringAll(watch)
  }

  /** Whether the process of a run is dead, for somebody who does not wait for it. */
  async function isDeadNow({ process }: RemoteSource): Promise<boolean> {
    if (now() - wellSince < leaseMs || (await redis.send('EXISTS', keys.lease(process))) === 1) return false
    return !(await isAlive(process))
  }

  return {
    open(source) {
      const { id } = source
      const watch = () => watches.get(id)
      return {
        id,
        async read(after) {
          try {
            const part = toPart(id, after, await readEntries(id, after))
            if (part === 'lost') return (await isDropped(id, after + 1)) ? 'dropped' : 'lost'
            const isWaiting = typeof part === 'object' && part.frames === '' && !part.isEnd
            return isWaiting && watch()?.isLost ? 'lost' : part
          } catch (error) {
            if (isForeign(error)) return 'lost'
            return { frames: '', last: after, isEnd: false } // Redis cannot be reached: the reader waits
          }
        },
        async newest() {
          try {
            const entries = await readNewest(id, 2)
            if (entries[0]?.isEnd || !(await isDeadNow(source))) return toNewest(id, entries)
            await end(source)
            return toNewest(id, await readNewest(id, 2))
          } catch {
            throw storeUnavailable()
          }
        },
        onMore(listener) {
          const { listeners } =
            watch() ?? watches.set(id, { source, listeners: new Set(), missingSince: Infinity, isLost: false }).get(id)!
          listeners.add(listener)
          return () => {
            listeners.delete(listener)
            if (listeners.size === 0) watches.delete(id)
          }
        },
      }
    },
    ring(run) {
      const watch = watches.get(run)
      if (watch) ringAll(watch)
    },
    async look() {
      if (!redis.isReady) wellSince = now()
      if (watches.size === 0) return
      const silent = await findSilent()
      await Promise.all(Array.from(watches.values(), (watch) => lookAfter(watch, silent.get(watch.source.process))))
    },
  }
}
