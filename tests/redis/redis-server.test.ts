import { expect, onTestFinished, test, vi } from 'vitest'
import { startRedis, type RedisServerOptions } from './redis-server.ts'

async function useRedis(options?: RedisServerOptions) {
  const redis = await startRedis(options)
  onTestFinished(redis.stop)
  return redis
}

test('a command gets the reply of Redis, whatever the type and the characters', async () => {
  const redis = await useRedis()
  expect(await redis.command('SET', 'a key', 'grüße\r\n世界')).toBe('OK')
  expect(await redis.command('GET', 'a key')).toBe('grüße\r\n世界')
  expect(await redis.command('GET', 'no key')).toBeNull()
  expect(await redis.command('XADD', 'log', '1-1', 'f', 'v')).toBe('1-1')
  expect(await redis.command('XRANGE', 'log', '-', '+')).toEqual([['1-1', ['f', 'v']]])
  expect(await redis.command('DBSIZE')).toBe(2)
  await expect(redis.command('XADD', 'log', '1-1', 'f', 'v')).rejects.toThrow('ERR The ID specified in XADD')
})

test('a server with a password accepts the commands of the helper, and no others', async () => {
  const redis = await useRedis({ password: 'a b/c' })
  expect(await redis.command('PING')).toBe('PONG')
  expect(redis.url).toBe(`redis://:a%20b%2Fc@127.0.0.1:${redis.port}`)
})

test('a killed server starts on the same port again, without its data', async () => {
  const redis = await useRedis()
  await redis.command('SET', 'key', 'value')
  await redis.kill()
  await expect(redis.command('PING')).rejects.toThrow('ECONNREFUSED')
  await redis.restart()
  expect(await redis.command('GET', 'key')).toBeNull()
})

test('a replica repeats the data of its primary, and can be promoted', async () => {
  const primary = await useRedis({ maxMemory: { size: '10mb', policy: 'noeviction' } })
  const replica = await useRedis({ replicaOf: primary })
  await primary.command('SET', 'key', 'value')
  await vi.waitFor(async () => expect(await replica.command('GET', 'key')).toBe('value'))
  await expect(replica.command('SET', 'key', 'other')).rejects.toThrow('READONLY')
  await replica.command('REPLICAOF', 'NO', 'ONE')
  expect(await replica.command('SET', 'key', 'other')).toBe('OK')
})

test('a paused server answers when it is resumed', async () => {
  const redis = await useRedis()
  redis.pause()
  const reply = redis.command('PING')
  redis.resume()
  expect(await reply).toBe('PONG')
})
