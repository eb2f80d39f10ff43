import { toHex } from '../../hex.ts'
import { toShares, toVerdict, type Limits, type Share, type Verdict } from '../../middleware/limits.ts'
import { script } from './limits-script.ts'
import type { Redis, Reply } from './redis.ts'

export interface RedisLimitsOptions {
  redis: Redis
  /**
   * The limits of this process alone. They decide while Redis cannot. They count along all the
   * time, so an outage does not start with empty limits.
   */
  memory: Limits
  sha256(text: string): Uint8Array | Promise<Uint8Array>
  /** After this time without a renewal, what a dead process held is free again. */
  leaseMs: number
  /** Returns the time of a monotonic clock in milliseconds. */
  now: () => number
}

/** The keys of one caller in Redis, as `script` lists them. */
type CallerKeys = readonly [used: string, answers: string, tokens: string]

/** A reservation that Redis may hold, as members of the caller's sorted sets. `''` is no member. */
interface Entry {
  readonly keys: CallerKeys
  readonly answer: string
  readonly tokens: string
  readonly at: number
  /** Whether Redis may have heard of it. */
  isSent: boolean
  /** How many tokens the answer has used. Undefined as long as it is not over. */
  used: number | undefined
  /** How old it was when its answer was over, in milliseconds. */
  ageMs: number
  /** How often Redis was to settle it, and did not answer. */
  failures: number
}

/**
 * A caller at its limit of answers is asked for again after this time, in milliseconds. Otherwise a
 * client that sends its next request at the end of an answer would be refused, because the place
 * that its last answer had at another process is still on its way to Redis.
 */
const settleMs = 50
/** The interval between renewals is this part of a lease. */
const renewalsPerLease = 3
/** After so many failures to settle an entry, its lease has run out. */
const maxFailures = renewalsPerLease + 1
/**
 * One call renews at most this many entries, so that Redis is never busy with one call for long.
 */
const maxRenewed = 100

/**
 * Counts in Redis, for all processes that use it. A reservation is one command. Renewing and
 * settling do not make a request wait.
 */
export function createRedisLimits({ redis, memory, sha256, leaseMs, now }: RedisLimitsOptions): Limits {
  const processId = crypto.randomUUID()
  const scriptSha = toScriptSha()
  /** The entries of this process, also those that Redis does not know yet, or has not settled. */
  const entries = new Set<Entry>()
  let entryCount = 0
  let timer: ReturnType<typeof setInterval> | undefined

  /** Runs the script. Redis forgets it when it starts anew, and then needs its text. */
  async function run(keys: CallerKeys, operation: string, args: readonly string[]): Promise<Reply> {
    const parts = [String(keys.length), ...keys, operation, String(leaseMs), ...args]
    try {
      return await redis.send('EVALSHA', await scriptSha, ...parts)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return redis.send('EVAL', script, ...parts)
    }
  }

  /** Asks Redis for all shares at once. Undefined if Redis cannot decide. */
  async function ask(entry: Entry, shares: readonly Share[]): Promise<Verdict | undefined> {
    if (!redis.isReady) return undefined
    const { keys, answer, tokens } = entry
    entry.isSent = true
    try {
      const reply = await run(keys, 'reserve', [answer, tokens, ...shares.flatMap(toParts)])
      const available = Array.isArray(reply) ? reply.map(Number) : []
      const isClear = available.length === shares.length && !available.some(Number.isNaN)
      return isClear ? toVerdict(shares, available, () => {}) : undefined
    } catch {
      return undefined
    }
  }

  function renew(open: readonly Entry[]) {
    for (const [first, ...others] of Map.groupBy(open, ({ keys }) => keys[0]).values()) {
      const all = [first!, ...others]
      for (let i = 0; i < all.length; i += maxRenewed) {
        const members = all.slice(i, i + maxRenewed).flatMap(({ answer, tokens }) => [answer, tokens])
        run(first!.keys, 'renew', members).catch(() => {}) // the next renewal comes before the lease runs out
      }
    }
    for (const entry of open) entry.isSent = true
  }
  /** Settles an entry in Redis. If that fails, `tick` tries it again. */
  async function settle(entry: Entry) {
    const { keys, answer, tokens, used, ageMs } = entry
    try {
      if (entry.isSent && !redis.isReady) throw new Error('Redis is not ready')
      if (entry.isSent) await run(keys, 'settle', [answer, tokens, String(used), String(ageMs)])
    } catch {
      if (++entry.failures < maxFailures) return
    }
    entries.delete(entry)
    if (entries.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  function tick() {
    if (redis.isReady) renew([...entries].filter(({ used }) => used === undefined))
    for (const entry of entries) if (entry.used !== undefined) void settle(entry)
  }
  redis.onConnected(tick)

  /** Keeps an entry alive until it is settled. Returns the function that settles it. */
  function hold(entry: Entry, settleOwn: Verdict['settle'], reserved = 0): Verdict['settle'] {
    if (entry.answer === '' && entry.tokens === '') return () => {}
    entries.add(entry)
    timer ??= setInterval(tick, leaseMs / renewalsPerLease)
    return (tokens = reserved) => {
      if (entry.used !== undefined) return
      entry.used = tokens
      entry.ageMs = now() - entry.at
      settleOwn(tokens)
      void settle(entry)
    }
  }

  function toEntry(keys: CallerKeys, shares: readonly Share[]): Entry {
    const member = `${leaseMs} ${processId}.${entryCount++}`
    const budgets = shares.filter(({ limit }) => limit === 'tokensPerMinute' || limit === 'tokensPerDay')
    return {
      keys,
      answer: shares.some(({ limit }) => limit === 'answers') ? member : '',
      tokens: budgets.length > 0 ? [member, ...budgets.map((share) => toParts(share).join(' '))].join('|') : '',
      at: now(),
      isSent: false,
      used: undefined,
      ageMs: 0,
      failures: 0,
    }
  }

  return {
    async reserve(who, cost, quota) {
      const shares = toShares(cost, quota)
      if (shares.length === 0) return toVerdict([], [], () => {})
      const entry = toEntry(toKeys(await sha256(who)), shares)
      let shared = await ask(entry, shares)
      if (shared?.refusedBy === 'answers') {
        await new Promise((resolve) => setTimeout(resolve, settleMs))
        shared = await ask(entry, shares)
      }
      if (shared?.refusedBy) return shared
      const own = await memory.reserve(who, cost, quota)
      const settle = hold(entry, own.settle, cost.tokens)
      if (shared || !own.refusedBy) return { ...(shared ?? own), settle }
      settle(0) // Redis may have made the reservation, and have answered too late
      return own
    },
  }
}

/**
 * Returns a share as arguments of the script. The field contains the maximum, so that processes
 * with different limits count by themselves: what comes back in a second differs between them.
 */
function toParts({ limit, max, periodMs, count }: Share): string[] {
  return [`${limit}:${max}`, String(max), String(periodMs), String(count)]
}

/**
 * Returns the keys of a caller. All of them have the same hash tag, so one server of a cluster has
 * them all. The tag is a hash, because `who` may be any text, with braces and without end.
 */
function toKeys(hash: Uint8Array): CallerKeys {
  const prefix = `sluice:1:{${toHex(hash.subarray(0, 16))}}:`
  return [`${prefix}used`, `${prefix}answers`, `${prefix}tokens`]
}

/** Returns the name under which Redis knows the script. */
async function toScriptSha(): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(script))))
}
