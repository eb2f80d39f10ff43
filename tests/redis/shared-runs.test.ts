import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { sse } from '../../src/encoders/sse.ts'
import type { ServiceError } from '../../src/errors.ts'
import { keys } from '../../src/store/redis/keys.ts'
import type { Redis } from '../../src/store/redis/redis.ts'
import { createSharedRuns } from '../../src/store/redis/shared-runs.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import { createRuns, type OwnRun, type Run, type RunRequest } from '../../src/streams/runs.ts'
import { createViewer } from '../../src/streams/viewer.ts'
import { toFailureFrames } from '../../src/streams/recorder.ts'
import { createFakeSink } from '../relay/fake-sink.ts'

import { connect } from './connect.ts'
import { startRedis, type RedisServer } from './redis-server.ts'

const leaseMs = 1000
const graceMs = 1500
const now = () => performance.now()
const eventOf = (text: string) => `data: ${text}\n\n`

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ close }) => close()))
})

/** Starts what a process of Sluice has of runs. */
async function startProcess() {
  const redis = await connect(server.url)
  let isDead = false
  /** A process that is dead sends nothing, and hears nothing. */
  const link: Redis = {
    get isReady() {
      return redis.isReady
    },
    send: (...command) => (isDead ? Promise.reject(new Error('dead')) : redis.send(...command)),
    subscribe: (channel, listener) => redis.subscribe(channel, (message) => !isDead && listener(message)),
    onConnected: redis.onConnected,
  }
  const shared = createSharedRuns({ redis: link, leaseMs, runBytes: 100_000, keepMs: 5000, now })
  const logs = createMemoryLogs({ runBytes: 100_000, totalBytes: 1e9 })
  const runs = createRuns({ logs, shared, maxDetached: 4, keepMs: 5000, now })
  const stops = new Map<string, string>()
  open.push({
    async close() {
      await shared.close()
      redis.close()
    },
  })

  return {
    runs,
    stops,
    /** Starts a run. Like a real generation, it ends as soon as it is stopped. */
    start(request: Partial<RunRequest> = {}): OwnRun {
      const run = runs.start({
        owner: 'alice',
        caller: 'key alice',
        requestId: 'id-1',
        encoder: sse,
        graceMs,
        stop(error: ServiceError) {
          stops.set(run.log.id, error.code)
          run.log.append([toFailureFrames(sse, error, 'id-1')])
          run.finish()
        },
        ...request,
      })!
      return run
    },
    die: () => void (isDead = true),
    /** Lets a dead process work again. It was only paused. */
    wake: () => void (isDead = false),
  }
}

/** Waits until the other processes know a run. */
async function find(process: Awaited<ReturnType<typeof startProcess>>, { log }: OwnRun, owner = 'alice'): Promise<Run> {
  const found = await expect
    .poll(() => process.runs.find(log.id, owner), { interval: 2 })
    .toBeDefined()
    .then(() => process.runs.find(log.id, owner))
  return found!
}

function view(run: Run, after = -1) {
  const sink = createFakeSink()
  const leave = run.join()
  const viewer = createViewer({
    log: run.log,
    after,
    sink,
    encoder: run.request.encoder,
    heartbeatMs: 60_000,
    stallMs: 60_000,
    now,
    toFrames: (error) => toFailureFrames(run.request.encoder, error, run.request.requestId),
    onEnd: (end) => leave(end === 'done'),
  })
  return { sink, viewer, text: () => sink.written.join('').slice(run.request.encoder.opening.length) }
}

const toText = ({ log }: Pick<Run, 'log'>, texts: readonly string[], first = 0) =>
  texts.map((text, i) => `data: ${text}\nid: ${log.id}.${first + i}\n\n`).join('')

describe('a run of another process', () => {
  test('is read to its end, byte for byte, as it comes', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    run.log.append([eventOf('one'), eventOf('two')])
    const reader = view(await find(b, run))
    await expect.poll(reader.text).toBe(toText(run, ['one', 'two']))
    run.log.append([eventOf('three')])
    await expect.poll(reader.text).toBe(toText(run, ['one', 'two', 'three']))
    run.log.append([eventOf('end')])
    run.finish()
    await expect.poll(() => reader.sink.ended).toBe(1)
    expect(reader.text()).toBe(toText(run, ['one', 'two', 'three', 'end']))
    expect(await b.runs.find(run.log.id, 'alice')).toMatchObject({ state: 'finished' })
  })

  test('is found by everyone as soon as it is published, even if Redis is slow', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    await server.command('CLIENT', 'PAUSE', '100', 'WRITE')
    const run = a.start()
    expect(await b.runs.find(run.log.id, 'alice')).toBeUndefined()
    await run.published
    expect(await b.runs.find(run.log.id, 'alice')).toBeDefined()
  })

  test('is not waited for by a reader who has found it just before its time was over', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start({ keepMs: 0 })
    run.log.append([eventOf('one')])
    const found = await find(b, run)
    run.finish()
    await expect.poll(() => b.runs.find(run.log.id, 'alice')).toBeUndefined()
    const reader = view(found)
    await expect.poll(() => reader.sink.ended, { timeout: leaseMs / 2 }).toBe(1)
  })

  test('is known only to its owner', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start({ owner: 'al}ice', chat: 'c' })
    await find(b, run, 'al}ice')
    for (const stranger of ['', 'alic', 'al}ic', 'al%7Dice', '*']) {
      expect(await b.runs.find(run.log.id, stranger)).toBeUndefined()
      expect(await b.runs.findChat('c', stranger)).toBeUndefined()
      expect(await b.runs.list(stranger)).toEqual([])
    }
    expect((await b.runs.list('al}ice')).map(({ log }) => log.id)).toEqual([run.log.id])
    expect((await b.runs.findChat('c', 'al}ice'))?.log.id).toBe(run.log.id)
  })

  test('lives as long as somebody reads it anywhere', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    run.log.append([eventOf('one')])
    const { viewer, sink } = view(await find(b, run))
    await expect.poll(() => run.state).toBe('attached')
    await new Promise((resolve) => setTimeout(resolve, 3 * graceMs))
    expect(run.state).toBe('attached')
    viewer.leave()
    expect(sink.ended).toBe(1)
    await expect.poll(() => run.state).toBe('detached')
    await expect.poll(() => a.stops.get(run.log.id)).toBe('abandoned')
  })

  test('is abandoned if the process of its reader dies', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    view(await find(b, run))
    await expect.poll(() => run.state).toBe('attached')
    b.die()
    await expect.poll(() => a.stops.get(run.log.id), { timeout: leaseMs + graceMs + 2500 }).toBe('abandoned')
  })

  test('is stopped from anywhere, and all readers get the same terminal', async () => {
    const [a, b, c] = [await startProcess(), await startProcess(), await startProcess()]
    const run = a.start()
    run.log.append([eventOf('one')])
    const readers = [view(run), view(await find(b, run)), view(await find(c, run))]
    await expect.poll(() => readers.every(({ text }) => text().includes('one'))).toBe(true)
    const startedAt = now()
    await (await find(b, run)).stop()
    expect(now() - startedAt).toBeLessThan(500)
    expect(a.stops.get(run.log.id)).toBe('cancelled')
    await expect.poll(() => readers.every(({ sink }) => sink.ended === 1)).toBe(true)
    expect(new Set(readers.map(({ text }) => text())).size).toBe(1)
    expect(readers[0]!.text()).toContain('cancelled')
  })

  test('is erased from anywhere when it is finished', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    run.log.append([eventOf('one')])
    run.finish()
    const found = await find(b, run)
    await expect.poll(async () => (await find(b, run)).state).toBe('finished')
    await (await find(b, run)).stop()
    expect(await b.runs.find(run.log.id, 'alice')).toBeUndefined()
    await expect.poll(() => a.runs.find(run.log.id, 'alice')).toBeUndefined()
    await expect.poll(() => found.log.read(-1)).toBe('dropped')
    expect(await found.log.read(0)).toEqual({ frames: '', last: 0, isEnd: true })
  })

  test('ends with producer_lost if its process dies, and with log_lost for a reader who has more', async () => {
    const [a, b, c] = [await startProcess(), await startProcess(), await startProcess()]
    const run = a.start()
    run.log.append([eventOf('one'), eventOf('two')])
    const reader = view(await find(b, run))
    const ahead = view(await find(c, run), 5)
    await expect.poll(reader.text).toBe(toText(run, ['one', 'two']))
    a.die()
    const diedAt = now()
    await expect.poll(() => [reader.sink.ended, ahead.sink.ended], { timeout: leaseMs + 3000 }).toEqual([1, 1])
    expect(now() - diedAt).toBeLessThan(leaseMs + 2000)
    expect(reader.text()).toMatch(
      new RegExp(`id: ${run.log.id}.1\\n\\nevent: failed\\ndata: [^\\n]*"producer_lost"[^\\n]*\\nid: ${run.log.id}.2\\n\\n$`),
    )
    expect(ahead.text()).toMatch(/^event: failed\ndata: [^\n]*"log_lost"/)
    // The process was only paused. It finds out, and ends its own readers the same way.
    const late = view(run)
    a.wake()
    run.log.append([eventOf('three')])
    await expect.poll(() => a.stops.get(run.log.id)).toBe('producer_lost')
    expect(late.text()).toContain('producer_lost')
    const again = view((await b.runs.find(run.log.id, 'alice'))!)
    await expect.poll(() => again.sink.ended).toBe(1)
    expect(again.text()).toBe(reader.text())
  })

  test('that has no frame yet is waited for, however long that takes', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    const reader = view(await find(b, run))
    await expect.poll(() => run.state).toBe('attached')
    await new Promise((resolve) => setTimeout(resolve, 3.5 * leaseMs))
    expect(reader.sink.ended).toBe(0)
    run.log.append([eventOf('one')])
    await expect.poll(reader.text).toBe(toText(run, ['one']))
  })

  test('is not erased by the stop of its chat, from its own process or from another one', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    for (const process of [a, b]) {
      const run = a.start({ chat: 'c' })
      run.log.append([eventOf('one')])
      await find(b, run)
      await process.runs.stopChat('c', 'alice')
      expect(a.stops.get(run.log.id)).toBe('cancelled')
      const reader = view((await process.runs.find(run.log.id, 'alice'))!)
      await expect.poll(reader.text).toContain('cancelled')
    }
  })

  test('is no chat to resume any more when a reader elsewhere has read its end', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start({ chat: 'c' })
    run.log.append([eventOf('one')])
    const reader = view(await find(b, run))
    await expect.poll(reader.text).toBe(toText(run, ['one']))
    run.finish()
    await expect.poll(() => reader.sink.ended).toBe(1)
    for (const { runs } of [a, b]) await expect.poll(() => runs.findChat('c', 'alice')).toBeUndefined()
  })

  test('in the background ends for a poll, too, if its process dies before its first frame', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start({ graceMs: undefined })
    const found = await find(b, run)
    a.die()
    await expect.poll(() => found.log.newest(), { timeout: leaseMs + 3000 }).toContain('producer_lost')
    expect(await b.runs.find(run.log.id, 'alice')).toMatchObject({ state: 'finished' })
  })

  test('keeps its readers elsewhere while Redis is down', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    run.log.append([eventOf('one')])
    const reader = view(await find(b, run))
    await expect.poll(reader.text).toBe(toText(run, ['one']))
    await expect.poll(() => run.state).toBe('attached')
    await server.kill()
    await new Promise((resolve) => setTimeout(resolve, leaseMs + graceMs + 1000))
    expect([run.state, a.stops.get(run.log.id)]).toEqual(['attached', undefined])
    await server.restart()
    run.log.append([eventOf('two')])
    await expect.poll(reader.text).toBe(toText(run, ['one', 'two']))
  })

  test('goes on after Redis was killed and started again', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    run.log.append([eventOf('one')])
    const reader = view(await find(b, run))
    await expect.poll(reader.text).toBe(toText(run, ['one']))
    await server.kill()
    run.log.append([eventOf('two')])
    await server.restart()
    run.log.append([eventOf('three')])
    await expect.poll(reader.text, { timeout: 5000 }).toBe(toText(run, ['one', 'two', 'three']))
    run.log.append([eventOf('end')])
    run.finish()
    await expect.poll(() => reader.sink.ended).toBe(1)
    expect(reader.text()).toBe(toText(run, ['one', 'two', 'three', 'end']))
  })

  test('has all its frames after Redis has refused some of them for lack of memory', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    const run = a.start()
    const texts = ['one', 'two', 'three'].map((text) => text + '-'.repeat(30_000))
    run.log.append([eventOf(texts[0]!)])
    const reader = view(await find(b, run))
    await expect.poll(reader.text).toBe(toText(run, texts.slice(0, 1)))
    await server.command('CONFIG', 'RESETSTAT')
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    run.log.append([eventOf(texts[1]!)])
    const toRefusals = async () =>
      Number(/errorstat_OOM:count=(\d+)/.exec(String(await server.command('INFO', 'errorstats')))?.[1])
    await expect.poll(toRefusals).toBeGreaterThan(20)
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    run.log.append([eventOf(texts[2]!)])
    run.finish()
    await expect.poll(() => reader.sink.ended).toBe(1)
    expect(reader.text()).toBe(toText(run, texts))
    const late = view(await find(b, run))
    await expect.poll(() => late.sink.ended).toBe(1)
    expect(late.text()).toBe(toText(run, texts))
  })

  test('takes the runs that a dead process has left from the list of its owner after a day', async () => {
    const a = await startProcess()
    const list = keys.runs('dora')
    const startedAt = Date.now()
    for (const [id, hours] of Object.entries({ old: 26, young: 24 }))
      await server.command('ZADD', list, `${startedAt - hours * 3_600_000}`, id)
    const run = a.start({ owner: 'dora' })
    await run.published
    expect(await server.command('ZRANGE', list, '0', '-1')).toEqual(['young', run.log.id])
  })

  test('has its frames once, if something else has the name of its list or of its chat', async () => {
    const [a, b] = [await startProcess(), await startProcess()]
    for (const key of [keys.runs('eve'), keys.chat('eve', 'c'), keys.chatRuns('eve', 'c')])
      await server.command('HSET', key, 'garbage', 'x')
    await server.command('CONFIG', 'RESETSTAT')
    const run = a.start({ owner: 'eve', chat: 'c' })
    run.log.append([eventOf('one')])
    const reader = view(await find(b, run, 'eve'))
    await expect.poll(reader.text).toBe(toText(run, ['one']))
    run.log.append([eventOf('end')])
    run.finish()
    await expect.poll(() => reader.sink.ended).toBe(1)
    expect(reader.text()).toBe(toText(run, ['one', 'end']))
    expect(String(await server.command('INFO', 'commandstats'))).not.toContain('cmdstat_unlink')
  })

  test('leaves nothing in Redis for longer than it is kept', async () => {
    const a = await startProcess()
    const run = a.start({ owner: 'bob', chat: 'c', keepMs: 200 })
    run.log.append([eventOf('one')])
    run.finish()
    await expect.poll(() => server.command('EXISTS', keys.log(run.log.id))).toBe(1)
    await expect
      .poll(() => server.command('EXISTS', keys.log(run.log.id), keys.run(run.log.id, 'bob'), keys.chat('bob', 'c')))
      .toBe(0)
    const left = (await server.command('KEYS', '*')) as string[]
    // -1 is a key without expiry. -2 is one that has gone in the meantime.
    for (const key of left) expect(await server.command('PTTL', key), key).not.toBe(-1)
  })
})
