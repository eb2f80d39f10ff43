import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../runtimes/server.ts'
import { startRedis } from './redis-server.ts'
import { startSlowLine } from './slow-line.ts'

async function useRedis() {
  const redis = await startRedis()
  onTestFinished(redis.stop)
  return redis
}

async function useSlowLine() {
  const line = await startSlowLine((await useRedis()).port)
  onTestFinished(line.close)
  return line
}

async function useServer(runtime: 'node' | 'bun', url: string) {
  const server = await startServer(runtime, { SLUICE_DEMO: '1', SLUICE_LOG: 'silent', SLUICE_REDIS_URL: url })
  onTestFinished(server.stop)
  /** Asks `/readyz`, which must say in every state of Redis that Sluice is ready. */
  const toStore = async () => {
    const response = await fetch(`${server.url}/readyz`)
    expect(response.status).toBe(200)
    return ((await response.json()) as { store: string }).store
  }
  await expect.poll(toStore).toBe('up')
  const lines = () => server.errors().trimEnd().split('\n')
  return { ...server, toStore, lines }
}

describe.each(['node', 'bun'] as const)('a connection of %s', (runtime) => {
  test('a Redis that stands still for 5 s is down, and then up again', async () => {
    const redis = await useRedis()
    const { toStore, lines } = await useServer(runtime, redis.url)
    redis.pause()
    await expect.poll(toStore, { timeout: 2000 }).toBe('down')
    await pause(5000)
    expect(await toStore()).toBe('down')
    redis.resume()
    await expect.poll(toStore, { timeout: 4000 }).toBe('up')
    await expect.poll(lines).toEqual([expect.stringContaining('is down ('), expect.stringContaining('is well again')])
  })

  test('a Redis that is killed is down at once, and up again once it is back', async () => {
    const redis = await useRedis()
    const { toStore, lines } = await useServer(runtime, redis.url)
    await redis.kill()
    await expect.poll(toStore, { timeout: 500 }).toBe('down')
    await redis.restart()
    await expect.poll(toStore, { timeout: 2000 }).toBe('up')
    await expect.poll(lines).toEqual([expect.stringContaining('is down ('), expect.stringContaining('is well again')])
  })

  test('a killed connection for messages is replaced, and Redis stays up', async () => {
    const redis = await useRedis()
    const { toStore, errors } = await useServer(runtime, redis.url)
    const toSubscribers = async () => String(await redis.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).match(/\bid=\d+/g) ?? []
    const before = await toSubscribers()
    expect(before).toHaveLength(1)
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await expect.poll(toSubscribers).toEqual([expect.stringMatching(/^id=/)])
    expect(await toSubscribers()).not.toEqual(before)
    expect(await toStore()).toBe('up')
    expect(errors()).toBe('')
  })

  test('a connection that swallows everything is given up after 5 s, and a new one is made', async () => {
    const line = await useSlowLine()
    const { toStore } = await useServer(runtime, line.url)
    expect(line.connections).toBe(2)
    line.blackHole()
    await expect.poll(toStore, { timeout: 2000 }).toBe('down')
    await expect.poll(() => line.connections, { timeout: 10_000 }).toBe(4)
    await expect.poll(toStore).toBe('up')
  })
})

describe('the health', () => {
  test('a Redis whose memory is full is down, and a second of writes later it is up again', async () => {
    const redis = await useRedis()
    const { toStore, lines } = await useServer('node', redis.url)
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    await expect.poll(toStore).toBe('down')
    // Reads would still be quick.
    await pause(2000)
    expect(await toStore()).toBe('down')
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    const freeAt = performance.now()
    await expect.poll(toStore, { interval: 20 }).toBe('up')
    expect(performance.now() - freeAt).toBeGreaterThan(900)
    await expect.poll(lines).toEqual([expect.stringContaining('is down (OOM)'), expect.stringContaining('is well again')])
  })

  test('a primary that becomes a replica is down until it is a primary again', async () => {
    const [redis, other] = [await useRedis(), await useRedis()]
    const { toStore, lines } = await useServer('node', redis.url)
    await redis.command('REPLICAOF', '127.0.0.1', `${other.port}`)
    await expect.poll(toStore).toBe('down')
    await redis.command('REPLICAOF', 'NO', 'ONE')
    await expect.poll(toStore).toBe('up')
    await expect.poll(lines).toEqual([expect.stringContaining('is down (READONLY'), expect.stringContaining('is well again')])
  })

  test('a Redis that takes away our rights is down until it gives them back', async () => {
    const redis = await useRedis()
    const { toStore } = await useServer('node', redis.url)
    await redis.command('ACL', 'SETUSER', 'default', '-set')
    await expect.poll(toStore).toBe('down')
    await redis.command('ACL', 'SETUSER', 'default', '+set')
    await expect.poll(toStore).toBe('up')
  })

  test('a slow Redis is down, and a second of quick answers later it is up again', async () => {
    const line = await useSlowLine()
    const { toStore, lines } = await useServer('node', line.url)
    line.delayMs = 80
    await expect.poll(toStore).toBe('down')
    line.delayMs = 0
    await expect.poll(toStore).toBe('up')
    await expect
      .poll(lines)
      .toEqual([expect.stringContaining('is down (its answers take too long)'), expect.stringContaining('is well again')])
  })
})
