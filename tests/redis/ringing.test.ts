import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from './redis-server.ts'

const program = fileURLToPath(new URL('ringing.ts', import.meta.url))

describe.each(['node', 'bun'])('the client on %s', (runtime) => {
  async function start() {
    const redis = await startRedis()
    onTestFinished(redis.stop)
    const child = spawn(runtime, [program, redis.url], { stdio: ['ignore', 'pipe', 'ignore'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    child.stdout.on('data', (data: Buffer) => (said += data.toString()))
    const lines = () => said.trimEnd().split('\n')
    await expect.poll(lines).toEqual(['connected'])
    await expect.poll(() => redis.command('PUBSUB', 'NUMSUB', 'bell')).toEqual(['bell', 1])
    return { redis, lines }
  }

  test('receives messages and replies of every type', async () => {
    const { redis, lines } = await start()
    await redis.command('XADD', 'log', '1-1', 'frame', 'grüße 世界')
    const commands = [
      ['XRANGE log - +', '[["1-1",["frame","grüße 世界"]]]'],
      ['GET nothing', 'null'],
      ['EXISTS log', '1'],
      ['TYPE log', '"stream"'],
      ['XADD log 1-1 frame x', 'ERR The ID specified in XADD is equal or smaller than the target stream top item'],
    ]
    for (const [command = '', reply] of commands) {
      await redis.command('PUBLISH', 'bell', command)
      await expect.poll(() => lines().slice(-2)).toEqual([command, reply])
    }
  })

  test('receives messages again after both connections were killed', async () => {
    const { redis, lines } = await start()
    for (const type of ['pubsub', 'normal']) await redis.command('CLIENT', 'KILL', 'TYPE', type)
    await expect.poll(lines).toEqual(['connected', 'connected'])
    await expect.poll(async () => redis.command('PUBLISH', 'bell', 'EXISTS nothing')).toBe(1)
    await expect.poll(() => lines().slice(-2)).toEqual(['EXISTS nothing', '0'])
  })

  test('receives messages again after a restart of Redis', async () => {
    const { redis, lines } = await start()
    await redis.restart()
    await expect.poll(async () => redis.command('PUBLISH', 'bell', 'EXISTS nothing')).toBe(1)
    await expect.poll(() => lines().slice(-2)).toEqual(['EXISTS nothing', '0'])
    expect(lines().filter((line) => line === 'connected')).toHaveLength(2)
  })
})
