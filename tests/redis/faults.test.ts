import { describe, expect, onTestFinished, test } from 'vitest'
import { toRunPath } from '../runtimes/resumable.ts'
import { checkBytes, countFrames, leaseMs, startCrowd, untilGrown, view, type Crowd, type Watched } from './crowd.ts'
import { startForwarder } from './forwarder.ts'
import { startRedis, type RedisServer } from './redis-server.ts'

/** The figures of the docs are those of `FAULT_STREAMS=200 FAULT_LEASE_MS=10000`. */
const streamCount = Number(process.env.FAULT_STREAMS ?? 12)

const policies = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
] as const

async function useRedis(options?: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
  const redis = await startRedis(options)
  onTestFinished(redis.stop)
  return redis
}

/** Ends all answers, and checks the bytes of all readers. Returns how often each terminal was seen. */
async function finishAll(crowd: Crowd, all: readonly Watched[]) {
  crowd.release()
  for (const { first, viewer } of all) {
    expect(await first.ended).toBe('clean')
    await viewer.until(() => viewer.isEnded, leaseMs + 15_000)
    expect(await viewer.ended).toBe('clean')
  }
  const terminals = all.map(checkBytes)
  const counts: Record<string, number> = {}
  for (const { first, viewer } of terminals) counts[`${first} ${viewer}`] = (counts[`${first} ${viewer}`] ?? 0) + 1
  await expect.poll(() => crowd.upstream.open).toBe(0)
  return counts
}

const allDone = { 'done done': streamCount }

/** Asks for a resumable answer while Redis cannot be used: it is sent, but cannot be resumed. */
async function expectNoResume(crowd: Crowd) {
  for (const server of crowd.servers) {
    const { reader } = await crowd.ask(server)
    const { status, headers } = await reader.head
    expect([status, headers['preference-applied'], headers['content-location']]).toEqual([200, undefined, undefined])
    const length = reader.byteCount
    await reader.until(() => reader.byteCount > length)
    reader.leave()
  }
}

/** Asks for a resumable answer, and reads it at the other process. */
async function expectResume(crowd: Crowd) {
  const [one, other] = crowd.servers
  const { reader } = await crowd.ask(one)
  const { headers } = await reader.head
  expect(headers['preference-applied']).toBe('resume=30')
  const viewer = await view(other, toRunPath({ status: 200, headers }))
  for (const each of [reader, viewer]) each.leave()
}

const start = async (url: string) => {
  const crowd = await startCrowd({ url, env: { SLUICE_GRACE_MS: '0' } })
  const all = await crowd.watch(streamCount)
  const firsts = all.map(({ first }) => first)
  const viewers = all.map(({ viewer }) => viewer)
  await untilGrown(viewers, 2)
  return { crowd, all, firsts, viewers }
}

const limitMs = 120_000 + streamCount * 500

describe(`in mid-stream of ${streamCount} streams with a viewer elsewhere (FAULT_STREAMS, FAULT_LEASE_MS)`, () => {
  test(
    'a Redis that is killed and started again cuts none, and each viewer has the whole answer',
    { timeout: limitMs },
    async () => {
      const redis = await useRedis()
      const { crowd, all, firsts, viewers } = await start(redis.url)
      await redis.kill()
      await expect.poll(crowd.toStores).toEqual(['down', 'down'])
      await expectNoResume(crowd)
      await untilGrown(firsts, 5)
      await redis.restart()
      await expect.poll(crowd.toStores).toEqual(['up', 'up'])
      await untilGrown(viewers, 10)
      await expectResume(crowd)
      expect(await finishAll(crowd, all)).toEqual(allDone)
    },
  )

  test('a Redis that stands still for 5 s cuts none, and each viewer has the whole answer', { timeout: limitMs }, async () => {
    const redis = await useRedis()
    const { crowd, all, firsts, viewers } = await start(redis.url)
    const pausedAt = performance.now()
    redis.pause()
    await expect.poll(crowd.toStores).toEqual(['down', 'down'])
    await expectNoResume(crowd)
    await expect
      .poll(
        async () => {
          await untilGrown(firsts, 1)
          return performance.now() - pausedAt
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(5000)
    redis.resume()
    await expect.poll(crowd.toStores).toEqual(['up', 'up'])
    await untilGrown(viewers, 10)
    await expectResume(crowd)
    expect(await finishAll(crowd, all)).toEqual(allDone)
  })

  test(
    'connections for messages that are killed cut none, and cost no viewer more than a second',
    { timeout: limitMs },
    async () => {
      const redis = await useRedis()
      const { crowd, all, firsts, viewers } = await start(redis.url)
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      const counts = firsts.map(countFrames)
      await Promise.all(viewers.map((viewer, i) => viewer.until(() => countFrames(viewer) >= counts[i]!, 1500)))
      expect(await crowd.toStores()).toEqual(['up', 'up'])
      await untilGrown(viewers, 10)
      await expectResume(crowd)
      expect(await finishAll(crowd, all)).toEqual(allDone)
    },
  )

  test(
    'a replica that becomes the primary without the last writes cuts none, and each viewer has the whole answer',
    {
      timeout: limitMs,
    },
    async () => {
      const primary = await useRedis()
      const replica = await useRedis({ replicaOf: primary })
      const forwarder = await startForwarder(primary)
      onTestFinished(forwarder.close)
      const { crowd, all, viewers } = await start(forwarder.url)
      await replica.command('REPLICAOF', 'NO', 'ONE')
      // The replica never has these frames, and knows nothing of this run.
      await untilGrown(viewers, 5)
      const { reader } = await crowd.ask(crowd.servers[0])
      const run = toRunPath(await reader.head)
      const before = await view(crowd.servers[1], run)
      await primary.kill()
      forwarder.pointTo(replica)
      await expect.poll(crowd.toStores).toEqual(['up', 'up'])
      await untilGrown([...viewers, before], 10)
      const after = await view(crowd.servers[1], run)
      await expectResume(crowd)
      expect(await finishAll(crowd, all)).toEqual(allDone)
      for (const viewer of [before, after]) {
        await viewer.ended
        expect(viewer.text).toBe(reader.text)
      }
    },
  )

  test.each(policies)(
    'a memory that is full cuts none, and no viewer has other bytes or no terminal: %s',
    { timeout: limitMs },
    async (policy) => {
      const redis = await useRedis()
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', policy)
      const { crowd, all, firsts } = await start(redis.url)
      const toInfo = async (field: string) =>
        Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(String(await redis.command('INFO')))?.[1])
      await redis.command('CONFIG', 'SET', 'maxmemory', `${await toInfo('used_memory')}`)
      if (policy === 'noeviction') {
        await expect.poll(crowd.toStores).toEqual(['down', 'down'])
        await expectNoResume(crowd)
      } else await expect.poll(() => toInfo('evicted_keys'), { timeout: 20_000 }).toBeGreaterThan(streamCount)
      // The memory is full for longer than a lease.
      const fullAt = performance.now()
      while (performance.now() - fullAt < leaseMs + 1000) await untilGrown(firsts, 1)
      await redis.command('CONFIG', 'SET', 'maxmemory', '0')
      await expect.poll(crowd.toStores).toEqual(['up', 'up'])
      await untilGrown(firsts, 10)
      await expectResume(crowd)
      const counts = await finishAll(crowd, all)
      const firstTerminals = new Set(Object.keys(counts).map((terminals) => terminals.split(' ')[0]))
      expect([...firstTerminals], JSON.stringify(counts)).toEqual(['done'])
      if (policy === 'noeviction') expect(counts).toEqual(allDone)
    },
  )
})
