import * as driver from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { Cost, Limits, Quota, Verdict } from '../../src/middleware/limits.ts'
import { createMemoryLimits } from '../../src/middleware/memory-limits.ts'
import { connectRedis } from '../../src/runtimes/redis.ts'
import { sha256OfNode } from '../../src/runtimes/sha256.ts'
import { createRedisLimits } from '../../src/store/redis/limits.ts'
import type { Redis } from '../../src/store/redis/redis.ts'
import { percentile } from '../lab/percentile.ts'
import { limitsContract, quota } from '../contracts/limits.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { startRedis, type RedisServer } from './redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const connect = (url = server.url) =>
  connectRedis({ driver, address: parseConfig({ SLUICE_REDIS_URL: url }).store.redis!, write() {} })

/** By how much `pass` has moved the clock, in milliseconds. */
let passed = 0
const now = () => performance.now() + passed
const createLimits = (redis: Redis, leaseMs = 10_000): Limits =>
  createRedisLimits({ redis, memory: createMemoryLimits({ now }), sha256: sha256OfNode, leaseMs, now })

/**
 * Moves all times in Redis by `ms` into the past, as if its clock went forward. A negative number is
 * a jump of its clock back.
 */
async function jump(ms: number) {
  const move = `
    for _, key in ipairs(redis.call('KEYS', '*')) do
      local left = redis.call('PTTL', key)
      if redis.call('TYPE', key).ok == 'hash' then
        local fields = redis.call('HGETALL', key)
        for i = 1, #fields, 2 do
          local count, at = string.match(fields[i + 1], '(%S+) (%S+)')
          redis.call('HSET', key, fields[i], string.format('%s %d', count, at - ARGV[1]))
        end
      else
        local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
        for i = 1, #members, 2 do redis.call('ZADD', key, members[i + 1] - ARGV[1], members[i]) end
      end
      redis.call('PEXPIRE', key, left - ARGV[1])
    end`
  await server.command('EVAL', move, '0', String(ms))
}

/** Moves the clock of the process as well. */
async function pass(ms: number) {
  passed += ms
  await jump(ms)
}

/** Opens two connections, as two processes do, and makes the limits of both. */
async function createTwo(leaseMs?: number, { url } = server) {
  const both = await Promise.all([connect(url), connect(url)])
  onTestFinished(() => both.forEach((redis) => redis.close()))
  const [one, other] = both.map((redis) => createLimits(redis, leaseMs)) as [Limits, Limits]
  return { one, other, redis: both[0] }
}

const answer = { answers: 1 } as const
const isRefused = async (limits: Limits, cost: Cost = answer, who = 'a') => {
  const { refusedBy, settle } = await limits.reserve(who, cost, quota)
  settle(0)
  return refusedBy !== undefined
}

let shared: Awaited<ReturnType<typeof connect>>
beforeAll(async () => {
  shared = await connect()
})
afterAll(() => shared.close())
beforeEach(() => server.command('FLUSHALL'))

limitsContract('in Redis', { create: () => ({ limits: createLimits(shared), pass }) })

describe('limits of two processes in Redis', () => {
  test('20 callers with concurrent requests never pass a limit by one', async () => {
    const { one, other } = await createTwo()
    const callers = Array.from({ length: 20 }, (_, i) => `caller ${i}`)
    const open = new Map<string, number>()
    let most = 0
    async function askOften(who: string, limits: Limits) {
      let allowed = 0
      for (let i = 0; i < 20; i++) {
        const { refusedBy, settle } = await limits.reserve(who, answer, quota)
        if (refusedBy) continue
        open.set(who, (open.get(who) ?? 0) + 1)
        most = Math.max(most, open.get(who)!)
        await limits.reserve('another', answer, quota) // takes a round trip
        open.set(who, open.get(who)! - 1)
        settle()
      }
      const verdicts = Array.from({ length: 20 }, async () => limits.reserve(who, { requests: 1 }, quota))
      for (const { refusedBy } of await Promise.all(verdicts)) if (!refusedBy) allowed++
      return allowed
    }
    for (const [i, counts] of (
      await Promise.all(callers.map((who) => Promise.all([one, other, one, other].map((limits) => askOften(who, limits)))))
    ).entries())
      expect(
        counts.reduce((sum, count) => sum + count),
        callers[i],
      ).toBe(quota.perMinute)
    expect(most).toBe(quota.streams)
  })

  test('each process applies its own numbers, and both count the same answers', async () => {
    const { one, other } = await createTwo()
    const small = { perMinute: 2, streams: 1 }
    const count = async (limits: Limits, own: Quota) => {
      let allowed = 0
      for (let i = 0; i < 20; i++) if (!(await limits.reserve('a', { requests: 1 }, own)).refusedBy) allowed++
      return allowed
    }
    expect(await count(one, quota)).toBe(6)
    expect(await count(other, small)).toBe(2)
    // These requests are all back after some milliseconds, and the others are not.
    await other.reserve('a', { requests: 1 }, { ...quota, perMinute: 6000 })
    const [key] = (await server.command('KEYS', '*:used')) as [string]
    expect(await server.command('PTTL', key)).toBeGreaterThan(30_000)
    const { settle } = await one.reserve('a', answer, quota)
    expect((await other.reserve('a', answer, small)).refusedBy).toBe('answers')
    expect((await one.reserve('a', answer, quota)).refusedBy).toBeUndefined()
    settle()
  })

  test('the place and tokens of a dead process come back after its lease, and those of a living one stay', async () => {
    const leaseMs = 300
    const { one, other, redis } = await createTwo(leaseMs)
    const cost = { answers: 1, tokens: 600 } as const
    const living = await other.reserve('a', cost, quota)
    const dead = await one.reserve('a', cost, quota)
    // Nobody else keeps the keys of this caller.
    const alone = await one.reserve('alone', { tokens: 1200 }, quota)
    const refusals = async () => [
      await isRefused(other),
      await isRefused(other, { tokens: 1 }),
      await isRefused(other, { tokens: 1 }, 'alone'),
    ]
    redis.close()
    const diedAt = performance.now()
    expect(await refusals()).toEqual([true, true, true])
    await expect.poll(refusals, { interval: 20 }).toEqual([false, false, false])
    expect(performance.now() - diedAt).toBeLessThan(leaseMs + 100)
    // Without renewals, the lease of the living process would have run out even earlier.
    const held = await other.reserve('a', answer, quota)
    expect(await isRefused(other)).toBe(true)
    for (const { settle } of [dead, alone, living, held]) settle(0)
    await expect.poll(() => isRefused(other), { interval: 20 }).toBe(false)
  })
})

describe('the keys of limits in Redis', () => {
  const keysOf = async () => (await server.command('KEYS', '*')) as string[]

  test('belong to one slot for each caller, name nobody, and expire by themselves', async () => {
    const limits = createLimits(shared)
    const cost = { requests: 1, answers: 1, tokens: 10 } as const
    const verdict = await limits.reserve('key {alice}', cost, quota)
    await limits.reserve('key bob', cost, quota)
    const keys = await keysOf()
    expect(keys).toHaveLength(6)
    expect(new Set(keys.map((key) => /^sluice:1:(\{[0-9a-f]{32}\}):(?:used|answers|tokens)$/.exec(key)?.[1])).size).toBe(2)
    for (const key of keys) {
      const left = Number(await server.command('PTTL', key))
      expect(left).toBeGreaterThan(0)
      // 10 of 10,000 tokens a day come back in 86.4 s.
      expect(left).toBeLessThanOrEqual(key.endsWith(':answers') ? 10_000 : 86_400)
    }
    verdict.settle(5000)
    await expect.poll(keysOf).toHaveLength(4)
    await pass(86_400_000)
    expect(await keysOf()).toEqual([])
  })

  test('are the only ones that a caller with an odd name touches', async () => {
    await server.command('SET', 'sluice:1:{x}:answers', 'mine')
    await createLimits(shared).reserve("x}:answers' 0 FLUSHALL", answer, quota)
    expect(await server.command('GET', 'sluice:1:{x}:answers')).toBe('mine')
  })
})

describe('the clock of Redis', () => {
  test('may jump back: a dead process still gives its places back within its lease, and requests come back', async () => {
    const { one, other, redis } = await createTwo(300)
    const dead = [await one.reserve('a', answer, quota), await one.reserve('a', answer, quota)]
    for (let i = 0; i < 6; i++) await one.reserve('a', { requests: 1 }, { ...quota, perMinute: 600 })
    redis.close()
    await jump(-3_600_000)
    expect(await isRefused(other)).toBe(true)
    await expect.poll(() => isRefused(other), { interval: 20, timeout: 1000 }).toBe(false)
    const { left } = await other.reserve('a', { requests: 1 }, { ...quota, perMinute: 600 })
    expect(left.requests!.remaining).toBeGreaterThan(590)
    for (const { settle } of dead) settle()
  })

  test('may jump forward: a living process has its places and tokens again after a third of its lease', async () => {
    const { one, other } = await createTwo(300)
    const cost = { answers: 1, tokens: 600 } as const
    const living = [await one.reserve('a', cost, quota), await one.reserve('a', cost, quota)]
    await jump(3_600_000)
    const refusals = async () => [await isRefused(other), await isRefused(other, { tokens: 1 })]
    await expect.poll(refusals, { interval: 20, timeout: 1000 }).toEqual([true, true])
    for (const { settle } of living) settle(0)
    await expect.poll(refusals, { interval: 20 }).toEqual([false, false])
  })
})

describe('a Redis that is down', () => {
  test('leaves each process its own limits, which know what is under way; afterwards all know everything', async () => {
    const own = await startRedis()
    onTestFinished(own.stop)
    const { one, other } = await createTwo(3000, own)
    const held = await one.reserve('a', answer, quota)
    await own.kill()
    const second = await one.reserve('a', answer, quota)
    expect(second.refusedBy).toBeUndefined()
    expect((await one.reserve('a', answer, quota)).refusedBy).toBe('answers')
    expect(await isRefused(other)).toBe(false)
    await own.restart()
    // Redis has lost everything, but the process enters both answers again when it is connected.
    await expect.poll(() => isRefused(other), { interval: 20 }).toBe(true)
    held.settle()
    second.settle()
    await expect.poll(async () => (await own.command('KEYS', '*:answers')) as string[]).toEqual([])
  })

  test('for a while keeps no place of an answer that has ended meanwhile', async () => {
    const own = await startRedis()
    onTestFinished(own.stop)
    const { one, redis } = await createTwo(6000, own)
    expect(await isRefused(one)).toBe(false) // Redis now has the function
    await own.command('CONFIG', 'RESETSTAT')
    own.pause()
    const verdicts: Promise<Verdict>[] = []
    for (let i = 0; redis.isReady; i++) {
      verdicts.push(Promise.resolve(one.reserve(`caller ${i}`, answer, quota)))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    for (const { settle } of await Promise.all(verdicts)) settle()
    expect(redis.isReady).toBe(false)
    own.resume()
    const toCalls = async () => /cmdstat_evalsha:calls=(\d+)/.exec(String(await own.command('INFO', 'commandstats')))?.[1]
    await expect.poll(async () => Number(await toCalls())).toBeGreaterThanOrEqual(verdicts.length)
    await expect.poll(() => own.command('KEYS', '*:answers'), { timeout: 4000 }).toEqual([])
  })

  test('in the middle of concurrent requests causes no error, and no request waits', async () => {
    const own = await startRedis()
    onTestFinished(own.stop)
    const { one } = await createTwo(300, own)
    const verdicts = Array.from({ length: 500 }, async (_, i) => one.reserve(`caller ${i}`, answer, quota))
    const killed = own.kill()
    for (const { refusedBy, settle } of await Promise.all(verdicts)) {
      expect(refusedBy).toBeUndefined()
      settle()
    }
    await killed
    await own.restart()
    await expect.poll(() => isSharing(one, own)).toBe(true)
  })

  test('and then has forgotten the function gets it again', async () => {
    const limits = createLimits(shared)
    expect(await isSharing(limits)).toBe(true)
    await server.command('SCRIPT', 'FLUSH')
    expect(await isSharing(limits)).toBe(true)
  })

  /** Whether a reservation arrives in Redis. */
  async function isSharing(limits: Limits, redis = server) {
    await redis.command('FLUSHALL')
    await limits.reserve('shared', { requests: 1 }, quota)
    return (await redis.command('DBSIZE')) === 1
  }
})

describe('two Sluices with one Redis', () => {
  let upstream: Upstream
  const servers: Server[] = []
  beforeAll(async () => {
    upstream = await startUpstream()
    const env = {
      OLLAMA_HOST: upstream.url,
      SLUICE_REDIS_URL: server.url,
      SLUICE_REDIS_LEASE_MS: '1000',
      SLUICE_RATE_PER_MINUTE: '20',
      SLUICE_MAX_STREAMS_PER_KEY: '2',
      SLUICE_GRACE_MS: '0',
    }
    servers.push(await startServer('node', env), await startServer('bun', env))
  })
  afterAll(() => Promise.all([upstream, ...servers].map((each) => each.stop())))

  test('count the requests of a caller together', async () => {
    const statuses: number[] = []
    const remaining = new Set<string>()
    for (let i = 0; i < 24; i++) {
      const { status, headers } = await fetch(`${servers[i % 2]!.url}/api/version`)
      statuses.push(status)
      remaining.add(/r=\d+/.exec(headers.get('ratelimit')!)![0])
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(statuses.slice(20)).toEqual([429, 429, 429, 429])
    expect(remaining.size).toBe(20)
  })

  test('count the answers of a caller together, and those of a process that was killed are over after its lease', async () => {
    const model = upstream.script(thenSilent(1))
    const ask = (i: number) =>
      fetch(`${servers[i]!.url}/api/generate`, { method: 'POST', body: JSON.stringify({ model, prompt: 'Hi' }) })
    const open = [await ask(0), await ask(1)]
    expect(open.map(({ status }) => status)).toEqual([200, 200])
    expect([(await ask(0)).status, (await ask(1)).status]).toEqual([429, 429])
    // A caller at its limit can still cancel an answer.
    const id = open[1]!.headers.get('x-request-id')!
    expect((await fetch(`${servers[1]!.url}/ollama/cancel/${id}`, { method: 'POST' })).status).toBe(204)
    await open[1]!.text()
    await expect.poll(async () => (open[1] = await ask(1)).status).toBe(200)
    await servers[0]!.stop()
    const killedAt = performance.now()
    expect((await ask(1)).status).toBe(429)
    await expect.poll(async () => (await ask(1)).status, { interval: 50 }).toBe(200)
    expect(performance.now() - killedAt).toBeLessThan(1200)
  })
})

describe('a reservation', () => {
  test('is one command, and takes at most 0.5 ms; settling is another one, for which nobody waits', async () => {
    const commands: string[] = []
    const send: Redis['send'] = (...command) => {
      commands.push(command[0]!)
      return shared.send(...command)
    }
    const limits = createLimits({ ...shared, isReady: true, send })
    const times: number[] = []
    const settles: (() => void)[] = []
    for (let i = 0; i < 1000; i++) {
      const startedAt = performance.now()
      const { settle } = await limits.reserve(`caller ${i % 600}`, { requests: 1, answers: 1 }, quota)
      times.push(performance.now() - startedAt)
      settles.push(settle)
    }
    expect(commands).toEqual(Array.from({ length: 1000 }, () => 'EVALSHA'))
    expect(percentile(times, 50)).toBeLessThan(0.5)
    for (const settle of settles) settle()
    await expect.poll(() => commands.length).toBe(2000)
  })
})
