import type { ErrorCode, ServiceError } from '../../errors.ts'
import { abandonedAsTooMany, logDropped, logLost, orUnavailable, producerLost } from '../../streams/failures.ts'
import { createMemoryLogs } from '../../streams/memory-log.ts'
import { toFailureFrames, toTerminalFrames } from '../../streams/recorder.ts'
import { toEncoderParts, toRepeatingEncoder, type EncoderParts } from '../../streams/repeating-encoder.ts'
import type { ReadableLog, RunLog, RunLogs } from '../../streams/run-log.ts'
import type { OwnRun, Run, RunRequest, SharedRuns } from '../../streams/runs.ts'
import { once } from './once.ts'
import type { RunDirectory, RunEntry } from './run-directory.ts'
import { createRunReporter } from './run-reporter.ts'
import { ignore, unconfirmed, type ObjectStorage } from './storage.ts'
import { createStoredLog, findStoredFrames } from './stored-log.ts'

export interface RunStoreOptions {
  /** The id of the object. The run of the object has the same id. */
  id: string
  storage: ObjectStorage
  /** Returns the list in which the runs of an owner are found. */
  toDirectory(owner: string): Promise<RunDirectory>
  /** About how many bytes the frames of the run may take. */
  runBytes: number
  /** How many detached and background runs a caller may have. */
  maxDetached: number
  /** How long a finished run can be read, in milliseconds. */
  keepMs: number
  /** Returns the time of the app's clock in milliseconds. */
  now: () => number
}

/** The one run of a Durable Object: in memory, and behind that in the storage of the object. */
export interface RunStore {
  readonly logs: RunLogs
  /** Finds the run after the object was started anew. */
  readonly shared: SharedRuns
  /** Resolves when the list of the owner's runs knows the state of the run. */
  settled(): Promise<void>
  /** Call this when the alarm of the object goes off. */
  alarm(): Promise<void>
}

/**
 * Frames of this many milliseconds become one value, because each value that is written is billed.
 */
const batchMs = 200
/**
 * While a run is open, the alarm goes off after this many milliseconds. If its object was started
 * anew meanwhile, and nobody has read the run since, the alarm finds that the producer is gone.
 */
const watchMs = 60_000
/** A longer failure is not kept. The viewer's connection is then cut instead. */
const maxFailureLength = 4096

/** What the storage keeps of a run besides its frames. */
interface StoredRun extends Pick<RunRequest, 'owner' | 'caller' | 'requestId' | 'graceMs' | 'chat'> {
  readonly keepMs: number
  readonly encoder: EncoderParts
  /** The frames that report these failures to a viewer. */
  readonly failures: Partial<Record<ErrorCode, string>>
  readonly isChatOver: boolean
  /** Undefined as long as the run is open. */
  readonly end?: {
    /** In milliseconds since 1970. */
    readonly expiresAt: number
    /** Whether the object was started anew before the answer was over. */
    readonly isLost: boolean
  }
}

const runKey = 'run'
/** The frames of `producer_lost`. In Responses they may be long. */
const lostKey = 'lost'

export function createRunStore(options: RunStoreOptions): RunStore {
  const { id, storage, toDirectory, runBytes, maxDetached, now } = options
  const memory = createMemoryLogs({ runBytes, totalBytes: Infinity, createId: () => id })
  /** The run that this object makes or has made. Undefined after the object was started anew. */
  let own: OwnRun | undefined
  let stored: StoredRun | undefined
  let isErased = false

  function put(run: StoredRun) {
    stored = run
    storage.put(runKey, run, unconfirmed).catch(ignore)
  }
  function setAlarm(time: number) {
    storage.setAlarm(time, unconfirmed).catch(ignore)
  }
  function finish(isLost: boolean) {
    const expiresAt = Date.now() + stored!.keepMs
    put({ ...stored!, end: { expiresAt, isLost } })
    setAlarm(expiresAt)
  }

  function toEntry({ caller, requestId, chat, graceMs, isChatOver, end }: StoredRun): RunEntry {
    const state = end ? 'finished' : (own?.state ?? 'detached')
    return { id, caller, requestId, chat, isChatOver, state, isBackground: graceMs === undefined, expiresAt: end?.expiresAt }
  }
  const reporter = createRunReporter({
    id,
    storage,
    toDirectory: () => toDirectory(stored!.owner),
    toEntry: () => (isErased ? undefined : toEntry(stored!)),
    maxDetached,
    onTooMany: () => own?.fail(abandonedAsTooMany(maxDetached)),
    // The next change or the alarm tries again. An erased run has no alarm left.
    onFailed: () => isErased && setAlarm(Date.now() + watchMs),
  })

  function endChat() {
    if (stored!.chat === undefined || stored!.isChatOver || isErased) return
    put({ ...stored!, isChatOver: true })
    reporter.report()
  }
  async function forget() {
    isErased = true
    reporter.report()
    await reporter.settled()
  }

  function createLog(): RunLog {
    const front = memory.create()
    const behind = createStoredLog({ id, storage, runBytes })
    let waiting: string[] = []
    let timer: ReturnType<typeof setTimeout> | undefined

    function flush() {
      timer = undefined
      const frames = waiting
      waiting = []
      if (frames.length > 0 && !isErased) behind.append(frames)
    }
    return {
      ...front,
      append(frames) {
        front.append(frames)
        waiting.push(...frames)
        timer ??= setTimeout(flush, batchMs)
      },
      close() {
        clearTimeout(timer)
        flush()
        if (!isErased) finish(false)
        front.close()
        reporter.report()
      },
      erase() {
        clearTimeout(timer)
        isErased = true
        front.erase()
        behind.erase()
      },
    }
  }

  /** Finds the run in the storage. If its producer is gone, the run ends with `producer_lost`. */
  const revive = once(async (): Promise<Run | undefined> => {
    const run = await storage.get<StoredRun>(runKey)
    if (!run) return undefined
    stored = run
    const frames = await findStoredFrames(storage)
    const log = createStoredLog({ id, storage, runBytes, stored: frames, isClosed: run.end !== undefined })
    if (!run.end) {
      log.append(toTerminalFrames((await storage.get<string>(lostKey)) ?? '', frames.length))
      log.close()
      finish(true)
      reporter.report()
    }
    return toRun(stored, log)
  })
  function toRun({ requestId, graceMs, encoder, failures, end }: StoredRun, log: RunLog): Run {
    const erase = () => {
      const forgotten = forget()
      log.erase()
      return forgotten
    }
    return {
      request: {
        requestId,
        graceMs,
        encoder: toRepeatingEncoder(encoder, failures),
        toQueued: undefined,
      },
      log: end?.isLost ? toLostLog(log) : log,
      isElsewhere: false,
      state: 'finished',
      join: () => (hasReadEnd) => {
        if (hasReadEnd) endChat()
      },
      stop: erase,
      remove: erase,
    }
  }
  async function find(): Promise<Run | undefined> {
    if (own || isErased) return undefined
    const run = await orUnavailable(revive())
    return isErased ? undefined : run
  }

  /** Returns the time of the next alarm. Undefined if the time of the run is over. */
  function toDue(): number | undefined {
    const time = Date.now()
    const { life } = own ?? {}
    if (life?.isFinished === false) return time + watchMs
    if (life) return life.tick(now()) === 'erase' ? undefined : time + Math.min(Math.max(life.due - now(), 1000), watchMs)
    const { expiresAt } = stored!.end!
    return time < expiresAt ? expiresAt : undefined
  }

  return {
    logs: { create: createLog },
    shared: {
      isReady: true,
      erasesFinished: true,
      publish(run) {
        own = run
        const { owner, caller, requestId, graceMs, keepMs = options.keepMs, chat, encoder } = run.request
        // The encoder of a background response puts the id of the run into its frames.
        const toFrames = (error: ServiceError) => toFailureFrames(encoder, error, graceMs === undefined ? id : requestId)
        const failures = Object.fromEntries(
          [logDropped(), logLost()]
            .map((error) => [error.code, toFrames(error)])
            .filter(([, frames]) => frames!.length <= maxFailureLength),
        )
        const kept = toEncoderParts(encoder)
        put({ owner, caller, requestId, graceMs, chat: chat!, keepMs, encoder: kept, failures, isChatOver: false })
        storage.put(lostKey, toFrames(producerLost()), unconfirmed).catch(ignore)
        setAlarm(Date.now() + watchMs)
        reporter.report()
        return undefined // `settled` tells when the directory knows the run
      },
      forget,
      forgetChat: endChat,
      changed({ life }) {
        reporter.report()
        // The alarm has found a viewer. It goes off again when the last one has left.
        if (stored?.end && stored.end.expiresAt <= Date.now() && life.due < Infinity) setAlarm(Date.now())
      },
      async find(_id, owner) {
        const run = await find()
        return stored?.owner === owner ? run : undefined
      },
      async findChat(chat, owner) {
        const run = await find()
        return stored?.owner === owner && stored.chat === chat && !stored.isChatOver ? run : undefined
      },
      async stopChat() {},
      list: async () => [],
      cancel: async () => false,
      onCancel() {},
      async close() {},
    },
    settled: reporter.settled,
    async alarm() {
      const run = own ?? (await find())
      if (run && !isErased) {
        const due = toDue()
        if (due === undefined) await run.stop()
        else setAlarm(due)
      }
      if (stored) reporter.report()
      await reporter.settled()
    },
  }
}

/**
 * The log of a run whose producer is gone. Some viewers had more frames than the storage has, so
 * the number of the terminal may be that of another frame for them. Therefore nobody is up to date
 * at the end of such a log.
 */
function toLostLog(log: RunLog): ReadableLog {
  return {
    ...log,
    async read(after) {
      const part = await log.read(after)
      return part === 'beyond' || (typeof part === 'object' && part.isEnd && part.frames === '') ? 'lost' : part
    },
  }
}
