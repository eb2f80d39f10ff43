import * as driver from '@redis/client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { connectRedis } from '../../src/runtimes/redis.ts'
import { startRedis } from './redis-server.ts'
import { startSlowLine } from './slow-line.ts'

async function useRedis() {
  const redis = await startRedis()
  onTestFinished(redis.stop)
  return redis
}

async function connect(url: string) {
  const { redis: address } = parseConfig({ SLUICE_REDIS_URL: url }).store
  const connection = await connectRedis({ driver, address: address!, write: () => {} })
  onTestFinished(connection.close)
  return connection
}

test('the commands of one turn of the event loop travel together', async () => {
  const line = await startSlowLine((await useRedis()).port)
  onTestFinished(line.close)
  const redis = await connect(line.url)
  const before = line.pieces
  const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => redis.send('SET', `key-${i}`, 'x')))
  expect(replies).toEqual(Array.from({ length: 100 }, () => 'OK'))
  expect(line.pieces - before).toBeLessThanOrEqual(2)
})

test('no text in an argument becomes another command', async () => {
  const server = await useRedis()
  const redis = await connect(server.url)
  const odd = ['a\r\nDEL safe\r\n', '*1\r\n$8\r\nFLUSHALL\r\n', '', '\u0000', '世界', '${x} {y} "z"']
  await redis.send('SET', 'safe', '1')
  for (const text of odd) {
    await redis.send('SET', text, text)
    expect(await redis.send('GET', text)).toBe(text)
  }
  expect(await server.command('DBSIZE')).toBe(odd.length + 1)
})

test('a command without a connection is rejected at once', async () => {
  const server = await useRedis()
  const redis = await connect(server.url)
  await server.kill()
  await vi.waitUntil(() => !redis.isReady)
  const startedAt = performance.now()
  await expect(redis.send('PING')).rejects.toThrow('Cannot ask Redis: there is no connection')
  expect(performance.now() - startedAt).toBeLessThan(50)
})

test('commands that get no answer are rejected after a second, and a late answer changes nothing', async () => {
  const server = await useRedis()
  const redis = await connect(server.url)
  server.pause()
  const startedAt = performance.now()
  const results = await Promise.allSettled([redis.send('PING'), redis.send('PING')])
  const tookMs = performance.now() - startedAt
  for (const result of results)
    expect(result).toMatchObject({ status: 'rejected', reason: { message: 'Redis does not answer' } })
  expect(tookMs).toBeGreaterThan(950)
  expect(tookMs).toBeLessThan(1500)
  server.resume()
  expect(await redis.send('ECHO', 'next')).toBe('next')
})

test('commands that are under way when the connection is lost are rejected', async () => {
  const server = await useRedis()
  const redis = await connect(server.url)
  server.pause()
  const answer = redis.send('PING')
  await Promise.all([server.kill(), expect(answer).rejects.toThrow()])
  await server.restart()
  await vi.waitUntil(() => redis.isReady)
  expect(await redis.send('PING')).toBe('PONG')
})

test('a listener hears of the connection that there is, and of each later one', async () => {
  const server = await useRedis()
  const redis = await connect(server.url)
  const onConnected = vi.fn<() => void>()
  redis.onConnected(onConnected)
  expect(onConnected).not.toHaveBeenCalled()
  await vi.waitUntil(() => onConnected.mock.calls.length === 1)
  await server.restart()
  await vi.waitUntil(() => onConnected.mock.calls.length === 2, 3000)
  expect(redis.isReady).toBe(true)
})

test('all listeners of a channel hear each message, and no other channel', async () => {
  const server = await useRedis()
  const redis = await connect(server.url)
  const heard: string[] = []
  redis.subscribe('a', (message) => heard.push(`1 ${message}`))
  redis.subscribe('a', (message) => heard.push(`2 ${message}`))
  redis.subscribe('b', (message) => heard.push(`3 ${message}`))
  await expect.poll(() => server.command('PUBSUB', 'NUMSUB', 'a', 'b')).toEqual(['a', 1, 'b', 1])
  await server.command('PUBLISH', 'a', 'x')
  await server.command('PUBLISH', 'b', 'y')
  await expect.poll(() => heard).toEqual(['1 x', '2 x', '3 y'])
})
