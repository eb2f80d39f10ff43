import type { OwnRun, SharedRuns } from '../../streams/runs.ts'
import { answer } from './answers.ts'
import { toErasure, toExpiry, type Command } from './commands.ts'
import { describeRun, toFields } from './description.ts'
import { isForeign } from './entries.ts'
import type { Request } from './inbox.ts'
import { keys } from './keys.ts'
import { createMirror, type Mirror } from './mirror.ts'
import { createRemoteViewers, type RemoteViewers } from './remote-viewers.ts'
import type { Redis } from './redis.ts'

export interface OwnRunsOptions {
  readonly redis: Redis
  /** The id of this process. */
  readonly process: string
  /** How long a process may be silent before the others count it as dead, in milliseconds. */
  readonly leaseMs: number
  /** How many bytes of the frames of one run are kept. */
  readonly runBytes: number
  /** How long a finished run is kept, in milliseconds, if its request does not say it. */
  readonly keepMs: number
  readonly now: () => number
}

/** The runs of this process, as far as the other processes see them. */
export interface OwnRuns extends Pick<SharedRuns, 'publish' | 'forget' | 'forgetChat'> {
  /** Does what another process asks. */
  onRequest(request: Partial<Request>): void
  /** Renews what Redis has of the runs, and copies what it lacks. Call it about once a second. */
  look(): void
  /** Checks what Redis has. Call this when the connection is there again. */
  onConnected(): void
  /** Copies everything, before the process ends. */
  flush(): Promise<void>
}

/** A run that the others know. */
interface Published {
  readonly run: OwnRun
  readonly mirror: Mirror
  readonly viewers: RemoteViewers
  readonly stopListening: () => void
  /** How often the log had more since the last copy. */
  additions: number
  /** The state that Redis has. */
  state: string
  /** When Redis is to hear of the run again. */
  renewAt: number
  /** Whether Redis has had the description. Only the first one takes its chat from another run. */
  isKnown: boolean
  /** Whether there is nothing to resume in the chat of the run. */
  isChatOver: boolean
  /** Whether nobody may find the run any more. */
  isForgotten: boolean
}

/**
 * The time between two copies, in milliseconds. The logs of all runs are copied together, because
 * each write to Redis costs more than a command. The end of a run does not wait.
 */
const batchMs = 50
/** A slow Redis delays the head of a stream by so much at most, in milliseconds. */
const publishMs = 250
/** So many additions to a log are copied at once. */
const batchSize = 32
/**
 * How long Redis keeps the list of an owner's runs after the last one has started, in milliseconds.
 * After the same time, a run is taken from the list, because a process that dies leaves its runs in
 * it. A run that still goes on then enters the list again.
 */
const listMs = 90_000_000
/** Deletes the name of a chat, unless it names a newer run. */
const deleteIfEqual = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"
/** Renews the name of a chat, unless it names a newer run. */
const renewChat = `local run = redis.call('GET', KEYS[1])
if not run or run == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 0`
/** Sets how long the name of a chat is kept, unless it names a newer run or none. */
const expireChat = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`

export function createOwnRuns({ redis, process, leaseMs, runBytes, keepMs, now }: OwnRunsOptions): OwnRuns {
  const published = new Map<string, Published>()
  /** The runs whose logs have more than Redis. */
  const behind = new Set<Published>()
  /** Erasures that could not be sent. */
  const unsent: (readonly Command[])[] = []
  let batch: ReturnType<typeof setTimeout> | undefined
  /** When the last copy of all logs began. */
  let copiedAt = -Infinity

  const toKeepMs = ({ request }: OwnRun) => request.keepMs ?? keepMs
  /** How long Redis keeps an open run that nobody renews. Its readers must still find its end. */
  const toOpenMs = (run: OwnRun) => toKeepMs(run) + 6 * leaseMs
  const toName = ({ log, request }: OwnRun) => keys.run(log.id, request.owner)
  const send = (...command: string[]) => void redis.send(...command).catch(() => {})

  async function copy(one: Published) {
    behind.delete(one)
    one.additions = 0
    await one.mirror.copy()
    if (one.isForgotten && one.mirror.isOver) drop(one)
  }
  function copyAll() {
    batch = undefined
    copiedAt = now()
    for (const one of behind) void copy(one)
  }
  /** Called when a log has more. */
  function onMore(one: Published) {
    if (one.mirror.isUnsure) return // `look` tries again when Redis is well
    behind.add(one)
    if (++one.additions >= batchSize || one.run.state === 'finished') void copy(one)
    else batch ??= setTimeout(copyAll, Math.max(0, copiedAt + batchMs - now()))
  }
  function drop(one: Published) {
    one.stopListening()
    behind.delete(one)
    published.delete(one.run.log.id)
  }

  async function erase(one: Published) {
    await one.mirror.copy() // the end, if Redis does not have it yet
    void insist(toErasure(one.run.log.id, leaseMs))
    drop(one)
  }
  /** Sends commands that erase something. If Redis cannot be reached, they are sent again later. */
  async function insist(commands: readonly Command[]) {
    try {
      await Promise.all(commands.map((command) => redis.send(...command)))
    } catch (error) {
      if (!isForeign(error)) unsent.push(commands)
    }
  }

  function toDescription(one: Published): Command[] {
    const { run } = one
    // Runs that began together are not renewed together.
    one.renewAt = now() + (toOpenMs(run) / 2) * (1 - Math.random() / 2)
    if (one.isForgotten) return []
    const { owner, chat } = run.request
    one.state = run.state
    const openMs = `${toOpenMs(run)}`
    const commands = [
      ['HSET', toName(run), ...toFields(describeRun(run, process, toKeepMs(run)))],
      ['PEXPIRE', toName(run), openMs],
    ]
    if (owner !== '') {
      const list = keys.runs(owner)
      commands.push(['ZREMRANGEBYSCORE', list, '-inf', `${Date.now() - listMs}`])
      commands.push(['ZADD', list, 'NX', `${Date.now()}`, run.log.id], ['PEXPIRE', list, `${listMs}`])
    }
    if (chat !== undefined) {
      const open = keys.chatRuns(owner, chat)
      const name = keys.chat(owner, chat)
      if (!one.isChatOver)
        commands.push(
          one.isKnown ? ['EVAL', renewChat, '1', name, run.log.id, openMs] : ['SET', name, run.log.id, 'PX', openMs],
        )
      commands.push(['SADD', open, run.log.id], ['PEXPIRE', open, openMs])
    }
    return commands
  }

  function toEnding({ run, isForgotten }: Published): Command[] {
    const { owner, chat } = run.request
    const stopped = chat === undefined ? [] : [['SREM', keys.chatRuns(owner, chat), run.log.id]]
    if (chat !== undefined) stopped.push(['EVAL', expireChat, '1', keys.chat(owner, chat), run.log.id, `${toKeepMs(run)}`])
    // A reader elsewhere still gets the end of a run that nobody else can find.
    if (isForgotten) return [...stopped, ['PEXPIRE', keys.log(run.log.id), `${leaseMs}`]]
    const name = toName(run)
    return [...stopped, ['HSET', name, 'state', 'finished'], ...toExpiry(run.log.id, name, toKeepMs(run), leaseMs)]
  }

  function renew(one: Published) {
    const { run, mirror, viewers } = one
    // While Redis is down, no process can tell its readers.
    if (redis.isReady) viewers.expire()
    else viewers.renew()
    if (mirror.isOver || !redis.isReady) return
    if (now() >= one.renewAt) mirror.renew()
    if (mirror.isUnsure) void copy(one) // also what could not be copied before
    // The state of a finished run is sent with its end, which makes the keys expire.
    if (one.isForgotten || run.state === 'finished' || one.state === run.state) return
    send('HSET', toName(run), 'state', (one.state = run.state))
    send('PEXPIRE', toName(run), `${toOpenMs(run)}`) // Redis may have dropped the key
  }

  /**
   * Stops or removes a run for another process. Redis has the end when that process hears of it.
   */
  async function obey({ type, run: id = '', from = '', id: question = '' }: Partial<Extract<Request, { run: string }>>) {
    const one = published.get(id)
    if (one && type) {
      // The run may have finished in the meantime. To stop it then would erase it.
      if (type === 'remove' || one.run.state !== 'finished') await one.run[type]()
      await copy(one)
    }
    answer(redis, from, question)
  }

  return {
    publish(run) {
      const described = Promise.withResolvers<void>()
      const one: Published = {
        run,
        mirror: createMirror({
          run,
          redis,
          runBytes,
          openMs: toOpenMs(run),
          toDescription: () => toDescription(one),
          toEnding: () => toEnding(one),
          onCopied() {
            one.isKnown = true
            described.resolve()
            for (const to of one.viewers.processes) send('PUBLISH', keys.bell(to), run.log.id)
          },
        }),
        viewers: createRemoteViewers({ join: run.join, ttlMs: leaseMs, now }),
        stopListening: run.log.onMore(() => onMore(one)),
        additions: 0,
        state: '',
        renewAt: Infinity,
        isKnown: false,
        isChatOver: false,
        isForgotten: false,
      }
      published.set(run.log.id, one)
      const timer = setTimeout(described.resolve, publishMs)
      void copy(one).then(described.resolve)
      return described.promise.finally(() => clearTimeout(timer))
    },
    async forget(run) {
      const one = published.get(run.log.id)
      if (!one || one.isForgotten) return
      one.isForgotten = true
      const forgotten = insist([['UNLINK', toName(run)]])
      if (run.request.owner !== '') send('ZREM', keys.runs(run.request.owner), run.log.id)
      if (run.state === 'finished') void erase(one)
      await forgotten
    },
    forgetChat({ log, request: { owner, chat } }) {
      const one = published.get(log.id)
      if (chat === undefined || one?.isChatOver) return
      if (one) one.isChatOver = true
      void insist([['EVAL', deleteIfEqual, '1', keys.chat(owner, chat), log.id]])
    },
    onRequest(request) {
      const { from } = request
      if (typeof from !== 'string') return // it is not from Sluice
      if (request.type === 'viewers') {
        const { runs, hasReadEnd } = request
        for (const [id, count] of Object.entries(runs ?? {})) {
          // A new reader may have read just before the last copy, whose bell it has not heard.
          if (published.get(id)?.viewers.set(from, count, hasReadEnd)) send('PUBLISH', keys.bell(from), id)
        }
      } else if (request.type === 'stop' || request.type === 'remove') void obey(request)
    },
    onConnected() {
      for (const one of published.values()) {
        one.viewers.renew()
        one.mirror.renew()
        void copy(one)
      }
    },
    look() {
      for (const commands of unsent.splice(0)) void insist(commands)
      for (const one of published.values()) renew(one)
    },
    async flush() {
      await Promise.all(Array.from(published.values(), copy))
    },
  }
}
