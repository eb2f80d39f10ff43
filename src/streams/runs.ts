import type { ServiceError } from '../errors.ts'
import { createTimer } from '../relay/timer.ts'
import type { Encoder } from '../encoders/encoder.ts'
import { abandoned, abandonedAsTooMany, cancelled, logDropped, storeUnavailable, tooManyDetached } from './failures.ts'
import { createLife, type Life } from './life.ts'
import { toFailureFrames } from './recorder.ts'
import { toEncoderParts, toRepeatingEncoder } from './repeating-encoder.ts'
import type { ReadableLog, RunLog, RunLogs } from './run-log.ts'

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
  readonly request: Pick<RunRequest, 'requestId' | 'encoder' | 'graceMs' | 'toQueued'>
  readonly log: ReadableLog
  readonly state: 'attached' | 'detached' | 'finished'
  /** Whether another process makes the run. It goes on when this process ends. */
  readonly isElsewhere: boolean
  /**
   * Adds a viewer. Returns a function that the caller must call when the viewer has left. After a
   * viewer has read the end, `findChat` no longer finds the run.
   */
  join(): (hasReadEnd?: boolean) => void
  /** Ends an open run with `cancelled`, and erases the log of a finished run. */
  stop(): void | Promise<void>
  /** Makes the run unknown. An open run is stopped, and its log is erased at its end. */
  remove(): void | Promise<void>
}

/** A run of this process. */
export interface OwnRun extends Run {
  readonly request: Omit<RunRequest, 'stop'>
  readonly log: RunLog
  /** Ends an open run with this error. */
  fail(error: ServiceError): void
  /**
   * Resolves when other processes can find the run, or if the store is slow. Until then,
   * tell nobody the id of the run. Undefined if there is nothing to wait for.
   */
  readonly published: Promise<void> | undefined
  /**
   * Closes the log. Call this when the generation is over, and before a viewer can leave because it
   * has read the end. A run without frames is forgotten. A second call does nothing.
   */
  finish(): void
  readonly life: Life
}

/** The runs that this process knows: its own, and those of the processes with which it shares. */
export interface Runs {
  /**
   * Starts a run. Returns undefined if no log can be kept.
   * @throws ServiceError `rate_limited` if a background run would be one detached run too many, and
   * `store_unavailable` if a background run cannot be shared
   */
  start(request: RunRequest): OwnRun | undefined
  /** Finds a run of this owner. */
  find(id: string, owner: string): Promise<Run | undefined>
  /**
   * Finds the last run that this owner has started under this name, as long as there is something
   * to resume: nobody has read its end, and nobody has stopped it.
   */
  findChat(chat: string, owner: string): Promise<Run | undefined>
  /** Stops all open runs that this owner has started under this name. */
  stopChat(chat: string, owner: string): Promise<void>
  /** Returns the runs of this owner, the oldest first. */
  list(owner: string): Promise<Run[]>
}

/** Names an answer by the request id of its request or of a viewer, and by the owner of both. */
export interface CancelRequest {
  readonly requestId: string
  /** The name of the caller's key. Empty if there are no keys. */
  readonly principal: string
}

/**
 * The runs of all processes that use the same store. If the store cannot be reached, a promise is
 * rejected with the ServiceError `store_unavailable`.
 */
export interface SharedRuns extends Pick<Runs, 'find' | 'findChat' | 'stopChat' | 'list'> {
  /** Whether the store can take a new run. */
  readonly isReady: boolean
  /**
   * Makes a run of this process known to the other processes, until `forget` is called. Resolves
   * when they can find it, or if the store is slow. Undefined if there is nothing to wait for.
   */
  publish(run: OwnRun): Promise<void> | undefined
  /**
   * Resolves when no other process can find the run any more, or if the store cannot be reached.
   */
  forget(run: OwnRun): Promise<void>
  /** Takes care that `findChat` no longer finds this run. */
  forgetChat(run: OwnRun): void
  /** Cancels the answers of other processes with this request id. Returns whether there was one. */
  cancel(request: CancelRequest): Promise<boolean>
  /** `listener` cancels the answers of this process, and returns whether there was one. */
  onCancel(listener: (request: CancelRequest) => boolean): void
  /** Stores what is still on its way. Call this before the process ends. */
  close(): Promise<void>
  /** Called when a viewer of the run has come or left. */
  changed?(run: OwnRun): void
  /**
   * True if the store erases the finished runs of this process when their time is over. Then no
   * timer runs for them here.
   */
  readonly erasesFinished?: boolean
}

export interface RunsOptions {
  /** Undefined if the runtime keeps no logs. */
  logs: RunLogs | undefined
  /** Undefined if the logs are for this process alone. */
  shared?: SharedRuns | undefined
  /** How many detached and background runs a caller may have. */
  maxDetached: number
  /** How long a finished run can be read, in milliseconds. */
  keepMs: number
  now: () => number
}

export function createRuns({ logs, shared, maxDetached, keepMs: defaultKeepMs, now }: RunsOptions): Runs {
  const runs = new Map<string, OwnRun>()
  /** The runs that have not finished. */
  const open = new Set<OwnRun>()
  const chats = new Map<string, OwnRun>()
  const toChatKey = (owner: string, chat: string) => JSON.stringify([owner, chat])

  /** Counts the runs that go on without a reader, and the background runs. */
  function countDetached(caller: string): number {
    let count = 0
    for (const { request, life } of open)
      if (request.caller === caller && (life.isDetached || request.graceMs === undefined)) count++
    return count
  }

  function create({ stop: stopGeneration, ...started }: RunRequest, log: RunLog): OwnRun {
    let request = started
    const { owner, caller, graceMs = Infinity, keepMs = defaultKeepMs, chat } = request
    const life = createLife({ graceMs, keepMs }, now())
    /** Undefined once the run has finished. A kept run must not keep its request in memory. */
    let stop: RunRequest['stop'] | undefined = stopGeneration
    const timer = createTimer(now, () => {
      const action = life.tick(now())
      if (action === 'abandon') stop?.(abandoned(`nobody came back within ${graceMs / 1000} s`))
      else if (action === 'erase') void erase()
      else schedule()
    })

    function schedule() {
      if (!life.isFinished || !shared?.erasesFinished) timer.schedule(life.due)
    }
    function forgetChat() {
      if (chat === undefined) return
      if (chats.get(toChatKey(owner, chat)) === run) chats.delete(toChatKey(owner, chat))
      shared?.forgetChat(run)
    }
    function forget() {
      runs.delete(log.id)
      return shared?.forget(run)
    }
    function erase() {
      timer.stop()
      const forgotten = forget()
      forgetChat()
      log.erase()
      return forgotten
    }

    const run: OwnRun = {
      get request() {
        return request
      },
      log,
      isElsewhere: false,
      get state() {
        if (life.isFinished) return 'finished'
        return life.isDetached ? 'detached' : 'attached'
      },
      join() {
        life.join(now())
        shared?.changed?.(run)
        let hasLeft = false
        return (hasReadEnd) => {
          if (hasReadEnd) forgetChat()
          if (hasLeft) return
          hasLeft = true
          life.leave(now())
          schedule()
          shared?.changed?.(run)
          if (life.isDetached && graceMs < Infinity && countDetached(caller) > maxDetached)
            stop?.(abandonedAsTooMany(maxDetached))
        }
      },
      stop() {
        if (!stop) return erase()
        forgetChat()
        stop(cancelled())
      },
      remove() {
        const forgotten = forget()
        void run.stop()
        return forgotten
      },
      fail: (error) => stop?.(error),
      finish() {
        if (life.isFinished) return
        stop = undefined
        open.delete(run)
        request = { ...request, encoder: toKept(request), toQueued: undefined }
        life.finish(now())
        if (log.isEmpty()) return void erase()
        log.close()
        if (runs.has(log.id)) schedule()
        else void erase()
      },
      life,
      get published() {
        return published
      },
    }
    const published = shared?.publish(run)
    schedule()
    return run
  }

  const ofOwner = (run: OwnRun | undefined, owner: string) => (run?.request.owner === owner ? run : undefined)

  return {
    start(request) {
      if (!logs) return undefined
      if (shared?.isReady === false) {
        if (request.graceMs !== undefined) return undefined
        throw storeUnavailable()
      }
      if (request.graceMs === undefined && countDetached(request.caller) >= maxDetached) {
        throw tooManyDetached(maxDetached)
      }
      const log = logs.create(() => void run.stop())
      const run = create(request, log)
      runs.set(log.id, run)
      open.add(run)
      if (request.chat !== undefined) chats.set(toChatKey(request.owner, request.chat), run)
      return run
    },
    async find(id, owner) {
      return runs.has(id) ? ofOwner(runs.get(id), owner) : shared?.find(id, owner)
    },
    async findChat(chat, owner) {
      // Another process may have a newer run of the chat. Without the store, this process's own
      // runs still count.
      const found = await shared?.findChat(chat, owner).catch(() => undefined)
      return (found && runs.get(found.log.id)) ?? found ?? chats.get(toChatKey(owner, chat))
    },
    async stopChat(chat, owner) {
      const own = [...open].filter((run) => run.request.chat === chat && ofOwner(run, owner))
      for (const run of own) void run.stop()
      await shared?.stopChat(chat, owner).catch((error: unknown) => {
        if (own.length === 0) throw error
      })
    },
    async list(owner) {
      const own = [...runs.values()].filter((run) => ofOwner(run, owner))
      const others = (await shared?.list(owner).catch(() => [])) ?? []
      return [...own, ...others.filter(({ log }) => !runs.has(log.id))]
    },
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
  const frames = toFailureFrames(encoder, logDropped(), requestId)
  return toRepeatingEncoder(toEncoderParts(encoder), frames.length <= maxFailureLength ? { log_dropped: frames } : {})
}
