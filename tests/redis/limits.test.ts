import { createHash } from 'node:crypto'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Cost, Limits, Quota } from '../../src/middleware/limits.ts'
import { createMemoryLimits } from '../../src/middleware/memory-limits.ts'
import { createRedisLimits } from '../../src/store/redis/limits.ts'
import type { Redis, Reply } from '../../src/store/redis/redis.ts'
import { limitsContract, quota } from '../contracts/limits.ts'
import { startRedis, type RedisServer } from './redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

async function connect(): Promise<Redis & { close(): void }> {
  const client = createClient({
    url: server.url,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: 20, connectTimeout: 1000 },
  })
  client.on('error', () => {})
  await client.connect()
  return {
    get isReady() {
      return client.isReady
    },
    send: (...command) => client.sendCommand([...command]) as Promise<Reply>,
    subscribe() {},
    onConnected: (listener) => void client.on('ready', listener),
    close: () => client.destroy(),
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const createLimits = (redis: Redis, leaseMs = 10_000): Limits =>
  createRedisLimits({ redis, memory: createMemoryLimits({ now: () => performance.now() }), sha256, leaseMs })

/**
 * Moves all times in Redis by `ms` into the past, as if its clock went forward. A negative number is
 * a jump of the clock back.
 */
async function pass(ms: number) {
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

/** Opens two connections, as two processes do, and makes the limits of both. */
async function createTwo(leaseMs?: number) {
  const both = await Promise.all([connect(), connect()])
  onTestFinished(() => both.forEach((redis) => redis.close()))
  const [one, other] = both.map((redis) => createLimits(redis, leaseMs)) as [Limits, Limits]
  return { one, other, redis: both[0]! }
}

const answer = { answers: 1 } as const
const reserveAnswer = async (limits: Limits, who = 'a') => limits.reserve(who, answer, quota)
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
      const verdicts = Array.from({ length: 20 }, () => limits.reserve(who, { requests: 1 }, quota))
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
    const { settle } = await one.reserve('a', answer, quota)
    expect((await other.reserve('a', answer, small)).refusedBy).toBe('answers')
    expect((await one.reserve('a', answer, quota)).refusedBy).toBeUndefined()
    settle()
  })

  test('the places and tokens of a dead process come back after its lease, and those of a living one stay', async () => {
    const leaseMs = 300
    const { one, other, redis } = await createTwo(leaseMs)
    const cost = { answers: 1, tokens: 500 } as const
    const dead = [await one.reserve('a', cost, quota), await one.reserve('a', cost, quota)]
    const living = [await other.reserve('b', cost, quota), await other.reserve('b', cost, quota)]
    redis.close()
    const diedAt = performance.now()
    expect(await isRefused(other)).toBe(true)
    await expect.poll(() => isRefused(other), { interval: 20 }).toBe(false)
    expect(performance.now() - diedAt).toBeLessThan(leaseMs + 100)
    expect((await other.reserve('a', { tokens: 1000 }, quota)).left.tokensPerMinute).toMatchObject({ remaining: 0 })
    expect(await isRefused(other, answer, 'b')).toBe(true)
    expect(await isRefused(other, { tokens: 1 }, 'b')).toBe(true)
    for (const { settle } of [...dead, ...living]) settle(0)
    expect(await isRefused(other, { tokens: 1 }, 'b')).toBe(false)
  })
})
