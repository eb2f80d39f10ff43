import { ServiceError } from '../errors.ts'
import { createTimer } from '../relay/timer.ts'
import type { Encoder } from '../encoders/encoder.ts'
import { abandoned, cancelled, logDropped } from './failures.ts'
import { createLife, type Life } from './life.ts'
import { toFailureFrames } from './recorder.ts'
import type { RunLog, RunLogs } from './run-log.ts'

export interface RunRequest {
  /** The name of the caller's key. Only this caller finds the run. Empty if there are no keys. */
  readonly owner: string
  /** Detached runs are counted for each caller: a key, or an address if there are no keys. */
  readonly caller: string
  readonly requestId: string
  readonly encoder: Encoder
  /** How long the run goes on without a reader, in milliseconds. Undefined for a background run. */
  readonly graceMs: number | undefined
  /** How long the finished run can be read, in milliseconds. By default, the setting decides. */
  readonly keepMs?: number
  /**
   * Returns the state of a background run that has no token yet, in the format of its API. A
   * finished run has no such function.
   */
  readonly toQueued?: ((runId: string) => object) | undefined
  /** The caller's own name for the run. `findChat` finds the latest run with this name. */
  readonly chat?: string
  /** Stops the generation. Its stream ends with this error. */
  stop(error: ServiceError): void
}

/** A generation whose log can be read. */
export interface Run {
  readonly request: Omit<RunRequest, 'stop'>
  readonly log: RunLog
  /**
   * Adds a viewer. Returns a function that the caller must call when the viewer has left. After a
   * viewer has read the end, `findChat` no longer finds the run.
   */
  join(): (hasReadEnd?: boolean) => void
  /** Ends an open run with `cancelled`, and erases the log of a finished run. */
  stop(): void
  /** Makes the run unknown. An open run is stopped, and its log is erased at its end. */
  remove(): void
  /**
   * Closes the log. Call this when the generation is over, and before a viewer can leave because it
   * has read the end. A run without frames is forgotten. A second call does nothing.
   */
  finish(): void
  readonly life: Life
}

/** The runs of this process. */
export interface Runs {
  /**
   * Starts a run. Returns undefined if this runtime keeps no logs.
   * @throws ServiceError `rate_limited` if a background run would be one detached run too many
   */
  start(request: RunRequest): Run | undefined
  /** Finds a run of this owner. */
  find(id: string, owner: string): Run | undefined
  /**
   * Finds the last run that this owner has started under this name, as long as there is something
   * to resume: nobody has read its end, and nobody has stopped it.
   */
  findChat(chat: string, owner: string): Run | undefined
  /** Stops all open runs that this owner has started under this name. */
  stopChat(chat: string, owner: string): void
  /** Returns the runs of this owner, the oldest first. */
  list(owner: string): Run[]
}

export interface RunsOptions {
  /** Undefined if the runtime keeps no logs. */
  logs: RunLogs | undefined
  /** How many detached and background runs a caller may have. */
  maxDetached: number
  /** How long a finished run can be read, in milliseconds. */
  keepMs: number
  now: () => number
}

export function createRuns({ logs, maxDetached, keepMs: defaultKeepMs, now }: RunsOptions): Runs {
  const runs = new Map<string, Run>()
  /** The runs that have not finished. */
  const open = new Set<Run>()
  const chats = new Map<string, Run>()
  const toChatKey = (owner: string, chat: string) => JSON.stringify([owner, chat])

  /** Counts the runs that go on without a reader, and the background runs. */
  function countDetached(caller: string): number {
    let count = 0
    for (const { request, life } of open)
      if (request.caller === caller && (life.isDetached || request.graceMs === undefined)) count++
    return count
  }

  function create({ stop: stopGeneration, ...started }: RunRequest, log: RunLog): Run {
    let request = started
    const { owner, caller, graceMs = Infinity, keepMs = defaultKeepMs, chat } = request
    const life = createLife({ graceMs, keepMs }, now())
    /** Undefined once the run has finished. A kept run must not keep its request in memory. */
    let stop: RunRequest['stop'] | undefined = stopGeneration
    const timer = createTimer(now, () => {
      const action = life.tick(now())
      if (action === 'abandon') stop?.(abandoned(`nobody came back within ${graceMs / 1000} s`))
      else if (action === 'erase') erase()
      else timer.schedule(life.due)
    })

    function forgetChat() {
      if (chat !== undefined && chats.get(toChatKey(owner, chat)) === run) chats.delete(toChatKey(owner, chat))
    }
    function erase() {
      timer.stop()
      runs.delete(log.id)
      forgetChat()
      log.erase()
    }

    const run: Run = {
      get request() {
        return request
      },
      log,
      join() {
        life.join(now())
        let hasLeft = false
        return (hasReadEnd) => {
          if (hasReadEnd) forgetChat()
          if (hasLeft) return
          hasLeft = true
          life.leave(now())
          timer.schedule(life.due)
          if (life.isDetached && graceMs < Infinity && countDetached(caller) > maxDetached)
            stop?.(abandoned(`its reader left, and ${maxDetached} other answers already go on without a reader`))
        }
      },
      stop() {
        if (!stop) return erase()
        forgetChat()
        stop(cancelled())
      },
      remove() {
        runs.delete(log.id)
        run.stop()
      },
      finish() {
        if (life.isFinished) return
        stop = undefined
        open.delete(run)
        request = { ...request, encoder: toKept(request), toQueued: undefined }
        life.finish(now())
        if (log.isEmpty()) return erase()
        log.close()
        if (runs.has(log.id)) timer.schedule(life.due)
        else erase()
      },
      life,
    }
    timer.schedule(life.due)
    return run
  }

  const ofOwner = (run: Run | undefined, owner: string) => (run?.request.owner === owner ? run : undefined)

  return {
    start(request) {
      if (!logs) return undefined
      if (request.graceMs === undefined && countDetached(request.caller) >= maxDetached) {
        throw new ServiceError(
          'rate_limited',
          `More than ${maxDetached} answers would go on without a reader; try again when one is over`,
          { retryAfterSeconds: 5 },
        )
      }
      const log = logs.create(() => run.stop())
      const run = create(request, log)
      runs.set(log.id, run)
      open.add(run)
      if (request.chat !== undefined) chats.set(toChatKey(request.owner, request.chat), run)
      return run
    },
    find: (id, owner) => ofOwner(runs.get(id), owner),
    findChat: (chat, owner) => chats.get(toChatKey(owner, chat)),
    stopChat(chat, owner) {
      for (const run of open) if (run.request.chat === chat && ofOwner(run, owner)) run.stop()
    },
    list: (owner) => [...runs.values()].filter((run) => ofOwner(run, owner)),
  }
}

/** A longer failure is not kept in memory. The viewer's connection is then cut instead. */
const maxFailureLength = 4096

/**
 * Returns the parts of an encoder that a finished run needs. The encoder itself may keep the tools
 * of the request in memory. The only frames that it still has to make are those of `log_dropped`.
 * In Responses they may repeat the tools.
 */
function toKept({ encoder, requestId }: Pick<RunRequest, 'encoder' | 'requestId'>): Encoder {
  const { contentType, headers, opening, heartbeat, failure } = encoder
  const all = toFailureFrames(encoder, logDropped(), requestId)
  const frames = all.length <= maxFailureLength ? all : ''
  const start: Encoder['start'] =
    ({ emit }) =>
    () =>
      emit(frames)
  return { contentType, headers, opening, heartbeat, failure, start }
}
