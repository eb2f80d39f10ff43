import type * as Driver from '@redis/client'
import type { RedisAddress } from '../config/schemas.ts'
import { checkChannel, checks, probe } from '../store/redis/checks.ts'
import { createHealth } from '../store/redis/health.ts'
import type { Redis, Reply } from '../store/redis/redis.ts'
import { createLink, type Client } from './redis/link.ts'
import { createOutageLog } from './redis/outage-log.ts'
import { isAboutAll, LateError, NonsenseError, RefusalError, toProblemOfConnection, toProblemOfReply } from './redis/problem.ts'
import { createTurns } from './redis/turns.ts'

export interface RedisOptions {
  driver: Pick<typeof Driver, 'createClient' | 'ErrorReply'>
  address: RedisAddress
  /** Writes a line about an outage. */
  write: (line: string) => void
  /** Returns the time of a monotonic clock in milliseconds. */
  now?: () => number
}

export interface RedisConnection extends Redis {
  close(): void
}

/**
 * How often the connections are checked, in milliseconds. A Redis that is not well gets a probe.
 */
const tickMs = 200
/** How long a connection may be unused until it gets a probe, in milliseconds. */
const idleMs = 1000
/** How long a connection may be without an answer until it counts as lost, in milliseconds. */
const deadMs = 5000

/**
 * Connects to Redis: once for commands, and once for messages. A lost connection is made anew. If
 * Redis is down, this returns all the same, and connects later.
 * @throws RefusalError if Redis does not accept us
 */
export async function connectRedis({
  driver: { createClient, ErrorReply },
  address,
  write,
  now = () => performance.now(),
}: RedisOptions): Promise<RedisConnection> {
  const health = createHealth()
  const turns = createTurns(health, now)
  const log = createOutageLog(write)
  const channels = new Map<string, Set<(message: string) => void>>()
  const onConnected = new Set<() => void>()
  /** Why Redis is not ready. Empty if it only is slow. */
  let reason = ''
  /** The first attempts to connect have no lines, because a refusal ends the start. */
  let isStarted = false
  let lastSentAt = now()
  let pingedAt: number | undefined

  const isReply = (error: unknown): error is Error => error instanceof ErrorReply
  const toProblem = (error: unknown) =>
    isReply(error) ? toProblemOfReply(error.message, address) : toProblemOfConnection(error)

  const commands = createLink({
    createClient,
    address,
    async greet(client) {
      const results = await Promise.allSettled(checks.map((command) => client.sendCommand(command)))
      const errors = results
        .flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
        .filter((error) => !isReply(error) || !error.message.startsWith('NOSCRIPT'))
      const [fatal] = errors.filter((error) => toProblem(error).isRefusal || !isReply(error))
      if (fatal) throw fatal
      const [answer] = results
      if (answer?.status === 'fulfilled' && answer.value !== null) throw new NonsenseError()
      reason = errors.length > 0 ? toProblem(errors[0]).text : ''
    },
    onUp() {
      health.connect(reason === '')
      for (const listener of onConnected) listener()
    },
    onDown(error) {
      reason = toProblem(error).text
      turns.clear()
      health.disconnect()
      report()
    },
  })

  const messages = createLink({
    createClient,
    address,
    greet: (client) => listen(client, checkChannel),
    onUp(client) {
      for (const channel of channels.keys()) void listen(client, channel).catch(messages.drop)
    },
    onDown() {
      pingedAt = undefined
    },
  })
  function listen(client: Client, channel: string): Promise<void> {
    return client.subscribe(channel, (message) => {
      for (const listener of channels.get(channel) ?? []) listener(message)
    })
  }

  function send(...command: readonly string[]): Promise<Reply> {
    const { client } = commands
    if (!client) return Promise.reject(new Error('Cannot ask Redis: there is no connection'))
    lastSentAt = now()
    const answer = client.sendCommand<Reply>(command).catch((error: unknown) => {
      if (isReply(error) && isAboutAll(error.message)) {
        reason = toProblem(error).text
        health.refuse()
      }
      throw error
    })
    return turns.wait(answer)
  }

  function report() {
    const at = now()
    const isReady = health.isReady(at)
    if (isReady) reason = ''
    if (isStarted) log(isReady, reason || 'its answers take too long', at)
  }
  function tick() {
    report()
    const at = now()
    const isReady = health.isReady(at)
    if (at - turns.oldestSentAt > deadMs) commands.drop(new LateError())
    else if (commands.client && at - lastSentAt >= (isReady && turns.oldestSentAt === Infinity ? idleMs : 0))
      send(...probe).catch(() => {})
  }
  /** Finds out whether the connection for messages is still there. */
  function ping() {
    const { client } = messages
    if (!client) return
    if (pingedAt !== undefined) return void (now() - pingedAt > deadMs && messages.drop(new LateError()))
    pingedAt = now()
    client.sendCommand(['PING']).then(
      () => {
        if (client === messages.client) pingedAt = undefined
      },
      () => {},
    )
  }

  const attempts = await Promise.allSettled([commands.start(), messages.start()])
  for (const attempt of attempts) {
    const problem = attempt.status === 'rejected' ? toProblem(attempt.reason) : undefined
    if (!problem?.isRefusal) continue
    commands.close()
    messages.close()
    throw new RefusalError(problem.text)
  }
  isStarted = true
  report()
  const timers = [setInterval(tick, tickMs), setInterval(ping, idleMs)]

  return {
    get isReady() {
      return health.isReady(now())
    },
    send,
    subscribe(channel, listener) {
      const listeners = channels.get(channel) ?? new Set()
      listeners.add(listener)
      if (channels.has(channel)) return
      channels.set(channel, listeners)
      const { client } = messages
      if (client) listen(client, channel).catch(messages.drop)
    },
    onConnected(listener) {
      onConnected.add(listener)
      if (commands.client) queueMicrotask(listener)
    },
    close() {
      for (const timer of timers) clearInterval(timer)
      commands.close()
      messages.close()
    },
  }
}
