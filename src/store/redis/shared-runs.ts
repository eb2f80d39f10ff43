import type { SharedRuns } from '../../streams/runs.ts'
import { answer, createAnswers } from './answers.ts'
import { createCancels } from './cancels.ts'
import { createInbox } from './inbox.ts'
import { keys } from './keys.ts'
import { createOtherRuns } from './other-runs.ts'
import { createOwnRuns, type OwnRunsOptions } from './own-runs.ts'
import { createRemoteLogs } from './remote-logs.ts'

/** A bell may be lost, so each process looks after everything this often, in milliseconds. */
const lookMs = 1000
/** How long a process may take to say that it is there, in milliseconds. */
const aliveMs = 500

/**
 * Shares the runs of this process over Redis. A reader at the run's own process reads from its
 * memory, and never waits for Redis.
 */
export function createSharedRuns(options: Omit<OwnRunsOptions, 'process'>): SharedRuns {
  const { redis, leaseMs, now } = options
  const process = crypto.randomUUID()
  const own = createOwnRuns({ ...options, process })
  const inbox = createInbox({ redis, process, ttlMs: leaseMs, onRequest: own.onRequest })
  const answers = createAnswers(redis, process)
  const logs = createRemoteLogs({ redis, leaseMs, now, isAlive })
  const others = createOtherRuns({ redis, process, inbox, logs, answers, leaseMs })
  const quietly = (work: Promise<unknown>) => void work.catch(() => {})
  let toldAt = -Infinity

  /** The others wait as long again before they count this process as dead. */
  function lease() {
    quietly(redis.send('SET', keys.lease(process), '1', 'PX', `${Math.ceil(leaseMs / 2)}`))
  }
  function isAlive(other: string): Promise<boolean> {
    const { id, answered } = answers.ask(aliveMs)
    quietly(redis.send('PUBLISH', keys.bell(other), `${process} ${id}`))
    return answered
  }
  function tellViewers() {
    toldAt = now()
    others.tellViewers()
  }
  function look() {
    lease()
    own.look()
    quietly(inbox.take())
    quietly(logs.look())
    if (now() - toldAt >= leaseMs / 3) tellViewers()
  }

  redis.onConnected(() => {
    lease()
    tellViewers()
    own.onConnected()
  })
  // A message without text says that there is a request. One with two words is from a process that
  // asks whether this one is there. Another one is the id of a run that has more frames.
  redis.subscribe(keys.bell(process), (message) => {
    const [first = '', id] = message.split(' ')
    if (id !== undefined) answer(redis, first, id)
    else if (first === '') quietly(inbox.take())
    else logs.ring(first)
  })
  const timer = setInterval(look, Math.min(lookMs, leaseMs / 5))

  return {
    get isReady() {
      return redis.isReady
    },
    publish: own.publish,
    forget: own.forget,
    forgetChat: own.forgetChat,
    find: others.find,
    findChat: others.findChat,
    stopChat: others.stopChat,
    list: others.list,
    ...createCancels(redis, process, answers),
    async close() {
      clearInterval(timer)
      await own.flush()
      await redis.send('UNLINK', keys.lease(process), keys.inbox(process)).catch(() => {})
    },
  }
}
