import { describe, expect, onTestFinished, test } from 'vitest'
import { askToResume, read, readAll } from '../runtimes/reader.ts'
import { toRunPath } from '../runtimes/resumable.ts'
import { checkBytes, leaseMs, startCrowd, toTerminal, untilGrown, view } from './crowd.ts'
import { startRedis } from './redis-server.ts'

async function start(env: Readonly<Record<string, string>> = {}) {
  const redis = await startRedis()
  onTestFinished(redis.stop)
  const crowd = await startCrowd({ url: redis.url, env: { SLUICE_GRACE_MS: '0', ...env } })
  const keysOf = async (pattern: string) => (await redis.command('KEYS', pattern)) as string[]
  return { redis, crowd, keysOf }
}

const idOf = (run: string) => run.slice('/streams/'.length)

/** What others could write under our names, by the type of the value. */
const values: Readonly<Record<string, readonly string[]>> = {
  text: ['SET', 'KEY', 'garbage'],
  list: ['RPUSH', 'KEY', 'garbage'],
  'hash of other fields': ['HSET', 'KEY', 'garbage', 'x'],
  'hash of our fields': ['HSET', 'KEY', 'process', 'x', 'state', 'attached', 'rest', '{garbage'],
  'stream of other fields': ['XADD', 'KEY', '*', 'garbage', 'x'],
  set: ['SADD', 'KEY', 'garbage'],
}
const messages = [
  '',
  '{garbage',
  'null',
  '1',
  '[]',
  '{}',
  '{"type":"stop"}',
  '{"type":"stop","id":"x","from":{"toString":1}}',
  '{"type":"viewers","runs":7}',
  '{"request":null}',
]

describe('garbage under our names', () => {
  test.each(Object.keys(values))(
    'as the log of an open run: first readers go on, and each viewer has a terminal: %s',
    async (type) => {
      const { redis, crowd } = await start()
      const all = await crowd.watch(4)
      for (const { run } of all) {
        const key = `sluice:1:{${idOf(run)}}:log`
        await redis.command('DEL', key)
        await redis.command(...values[type]!.map((part) => (part === 'KEY' ? key : part)))
      }
      const firsts = all.map(({ first }) => first)
      await untilGrown(firsts, 20)
      crowd.release()
      for (const one of all) {
        await Promise.all([one.first.ended, one.viewer.until(() => one.viewer.isEnded, leaseMs + 3000)])
        expect(checkBytes(one).first).toBe('done')
      }
      expect(crowd.servers.map((server) => server.errors())).toEqual(['', ''])
      expect(await crowd.toStores()).toEqual(['up', 'up'])
    },
  )

  test.each(Object.keys(values))(
    'as what is known of a run: no reader hangs, and none sees an error of our own: %s',
    async (type) => {
      const { redis, crowd } = await start()
      const id = 'a'.repeat(32)
      for (const key of [`sluice:1:{${id}}:run:`, `sluice:1:{${id}}:log`])
        await redis.command(...values[type]!.map((part) => (part === 'KEY' ? key : part)))
      for (const method of ['GET', 'DELETE']) {
        const { status, text } = await readAll(read(crowd.servers[0], { path: `/streams/${id}`, method }))
        expect([404, 410, 503], text).toContain(status)
      }
    },
  )

  test('in inboxes and on channels stops no process, and loses no request of another one', async () => {
    const { redis, crowd, keysOf } = await start()
    const processes = (await keysOf('sluice:1:{process:*}:lease')).map((key) => /process:([^}]+)/.exec(key)![1]!)
    expect(processes).toHaveLength(2)
    async function fill() {
      for (const process of processes) await redis.command('RPUSH', `sluice:1:{process:${process}}:inbox`, ...messages)
      for (const channel of [
        'cancels',
        ...processes.flatMap((process) => ['bell', 'answers'].map((end) => `{process:${process}}:${end}`)),
      ])
        for (const message of messages) await redis.command('PUBLISH', `sluice:1:${channel}`, message)
    }
    const all = await crowd.watch(2)
    await fill()
    for (const { run, producer, exchange } of all) {
      // The stop is behind the garbage in the same inbox.
      const other = crowd.servers.find((server) => server !== producer)!
      await Promise.all([fill(), readAll(read(other, { path: run, method: 'DELETE' }))])
      await exchange.closedByReader
    }
    for (const one of all) {
      await Promise.all([one.first.ended, one.viewer.ended])
      expect(checkBytes(one)).toEqual({ first: 'cancelled', viewer: 'cancelled' })
    }
    expect(crowd.servers.map((server) => server.errors())).toEqual(['', ''])
    expect(await crowd.toStores()).toEqual(['up', 'up'])
  })

  test('as an inbox: a stop says that it does not work, or works', async () => {
    const { redis, crowd, keysOf } = await start()
    const [one] = await crowd.watch(1)
    for (const lease of await keysOf('sluice:1:{process:*}:lease')) {
      const key = lease.replace('lease', 'inbox')
      await redis.command('DEL', key)
      await redis.command('SET', key, 'garbage')
    }
    const stop = () => readAll(read(crowd.servers[1], { path: one!.run, method: 'DELETE' }))
    const { status, text } = await stop()
    expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([503, 'store_unavailable'])
    await expect.poll(async () => (await stop()).status).toBe(204)
    await one!.exchange.closedByReader
  })
})

test('keys of other versions of ours are neither read nor changed', async () => {
  const { redis, crowd, keysOf } = await start({ SLUICE_RESUME_KEEP_SECONDS: '1' })
  const run = 'b'.repeat(32)
  const foreign = [`sluice:2:{${run}}:log`, `sluice:0:{${run}}:run:`, `sluice:{${run}}`, `other:{${run}}`]
  for (const key of foreign) await redis.command('SET', key, 'theirs')
  const all = await crowd.watch(4)
  expect((await readAll(read(crowd.servers[0], { path: `/streams/${run}` }))).status).toBe(404)
  crowd.release()
  for (const { first, viewer } of all) await Promise.all([first.ended, viewer.ended])
  for (const key of foreign) expect(await redis.command('GET', key)).toBe('theirs')
  await expect.poll(() => keysOf('sluice:1:{[0-9a-f]*'), { timeout: leaseMs + 5000 }).toEqual([])
})

test('two processes with different settings apply their own to the runs that they make', async () => {
  const { redis, crowd } = await start({ SLUICE_RESUME_KEEP_SECONDS: '3600' })
  const [long] = crowd.servers
  const short = await crowd.startServer({ SLUICE_RESUME_KEEP_SECONDS: '1', SLUICE_RESUME_RUN_BYTES: '65536' })
  const big = crowd.upstream.script(async (exchange) => {
    const { flatOut } = await import('#fake-ollama/scripts.ts')
    await flatOut({ count: 4000 })(exchange)
  })
  async function run(server: typeof long) {
    const reader = askToResume({ server }, big)
    const path = toRunPath(await reader.head)
    await reader.ended
    return path
  }
  const [kept, dropped] = [await run(long), await run(short)]
  const from = async (server: typeof long, path: string) => (await readAll(read(server, { path }))).status
  // The process that reads has other settings than the one that has made the run.
  await expect.poll(() => from(short, kept)).toBe(200)
  expect(await from(long, dropped)).toBe(410)
  const size = async (path: string) => Number(await redis.command('MEMORY', 'USAGE', `sluice:1:{${idOf(path)}}:log`))
  expect(await size(dropped)).toBeLessThan(130_000)
  expect(await size(kept)).toBeGreaterThan(130_000)
  expect(Number(await redis.command('PTTL', `sluice:1:{${idOf(kept)}}:log`))).toBeGreaterThan(3_000_000)
  await expect.poll(() => from(long, dropped)).toBe(404)
  expect(await from(short, kept)).toBe(200)
})

test('a wall clock that jumps changes nothing but the order of lists', async () => {
  const jumping = 'data:text/javascript,Date.now=(now=>()=>now()+[0,1e12,-1e12,864e5][Math.floor(Math.random()*4)])(Date.now)'
  const { crowd } = await start({ NODE_OPTIONS: `--import=${jumping}` })
  const all = await crowd.watch(6)
  await untilGrown(
    all.map(({ viewer }) => viewer),
    Math.ceil(leaseMs / 50) + 20,
    leaseMs + 10_000,
  )
  crowd.release()
  for (const one of all) {
    expect(await Promise.all([one.first.ended, one.viewer.ended])).toEqual(['clean', 'clean'])
    expect(checkBytes(one)).toEqual({ first: 'done', viewer: 'done' })
  }
  const again = await view(crowd.servers[1], all[0]!.run)
  await again.ended
  expect(toTerminal(again)).toBe('done')
})

test('a finished run can be read at another process after Redis has lost everything', async () => {
  const { redis, crowd } = await start()
  const [one] = await crowd.watch(1)
  crowd.release()
  await Promise.all([one!.first.ended, one!.viewer.ended])
  await redis.restart()
  await expect.poll(crowd.toStores).toEqual(['up', 'up'])
  const again = await view(crowd.servers[1], one!.run)
  await again.ended
  expect(again.text).toBe(one!.first.text)
})
