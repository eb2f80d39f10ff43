import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { keys } from '../../../src/store/redis/keys.ts'
import { createMirror } from '../../../src/store/redis/mirror.ts'
import { createRemoteLogs } from '../../../src/store/redis/remote-logs.ts'
import type { Redis } from '../../../src/store/redis/redis.ts'
import { createMemoryLogs } from '../../../src/streams/memory-log.ts'
import type { ReadableLog, RunLog } from '../../../src/streams/run-log.ts'
import type { OwnRun } from '../../../src/streams/runs.ts'
import { someFrames } from '../../contracts/run-log.ts'
import { createFakeRedis, type Fate } from './fake-redis.ts'

function startMirror(redis: Redis, { runBytes = 1e9, logBytes = 1e9 } = {}) {
  const log = createMemoryLogs({ runBytes: logBytes, totalBytes: 1e9 }).create()
  const failures: string[] = []
  const run = { log, fail: ({ code }: { code: string }) => void failures.push(code) } as unknown as OwnRun
  const mirror = createMirror({
    run,
    redis,
    runBytes,
    openMs: 1000,
    toDescription: () => [],
    toEnding: () => [],
    onCopied() {},
  })
  return { log, mirror, failures }
}

/** Reads a log from a place to its end, or to where it ends in another way. */
async function readAll({ read }: Pick<ReadableLog, 'read'>, from: number): Promise<string> {
  let text = ''
  for (let after = from; ;) {
    const part = await read(after)
    if (typeof part === 'string') return `${text}!${part}`
    text += part.frames
    if (part.isEnd) return `${text}!end`
    if (part.frames === '') return text
    after = part.last
  }
}

/** Opens a log at another process. */
function openElsewhere(redis: Redis, { id }: RunLog): ReadableLog {
  const logs = createRemoteLogs({ redis, leaseMs: 1000, now: () => 0, isAlive: async () => true })
  return logs.open({ id, process: 'own', ending: '', name: 'name', keepMs: 1000 })
}

const fates = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fate>('ok') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('refused', 'lost', 'wiped') },
  ),
  { maxLength: 60 },
)

test('after any outages, Redis has every frame once, and the end', async () => {
  await fc.assert(
    fc.asyncProperty(someFrames, fc.array(fc.nat(5), { minLength: 1 }), fates, async (frames, sizes, list) => {
      const left = [...list]
      const redis = createFakeRedis(() => left.shift() ?? 'ok')
      const { log, mirror, failures } = startMirror(redis)
      for (let from = 0, i = 0; from < frames.length; i++) {
        const size = 1 + sizes[i % sizes.length]!
        log.append(frames.slice(from, from + size))
        from += size
        // At times the next frames come while a copy is under way.
        const copied = mirror.copy()
        if (size % 2 === 0) await copied
      }
      log.close()
      left.length = 0 // Redis is well again
      mirror.renew()
      for (let i = 0; i < 10 && !mirror.isOver; i++) await mirror.copy()
      expect(mirror.isOver).toBe(true)
      expect(failures).toEqual([])
      for (let from = -1; from < frames.length; from++)
        expect(await readAll(openElsewhere(redis, log), from)).toBe(await readAll(log, from))
    }),
    { numRuns: 300 },
  )
})

test('a mirror whose log another process has ended ends its run, and adds nothing', async () => {
  const redis = createFakeRedis()
  const { log, mirror, failures } = startMirror(redis)
  log.append(['data: a\n\n'])
  await mirror.copy()
  await redis.send('XADD', keys.log(log.id), '2-2', 'n', '1', 'o', '0', 'f', `data: lost\nid: ${log.id}.1\n\n`, 'e', '1')
  log.append(['data: b\n\n'])
  await mirror.copy()
  expect(failures).toEqual(['producer_lost'])
  expect(mirror.isOver).toBe(true)
  expect(await readAll(openElsewhere(redis, log), -1)).toBe(`data: a\nid: ${log.id}.0\n\ndata: lost\nid: ${log.id}.1\n\n!end`)
  expect(await readAll(openElsewhere(redis, log), 5)).toBe('!lost')
})

test('a log with more bytes than its bound loses its oldest frames', async () => {
  const redis = createFakeRedis()
  const { log, mirror } = startMirror(redis, { runBytes: 20_000 })
  for (let i = 0; i < 100; i++) {
    log.append([`data: ${i} ${'x'.repeat(1000)}\n\n`])
    await mirror.copy()
  }
  const kept = await readAll(openElsewhere(redis, log), 98)
  expect(kept).toContain('data: 99 ')
  const all = (await redis.send('XRANGE', keys.log(log.id), '(1-0', '+', 'COUNT', '1000')) as unknown[]
  expect(all.length).toBeGreaterThan(10)
  expect(all.length).toBeLessThan(25)
})

test('if the memory has dropped frames before they were copied, Redis drops the older ones, too', async () => {
  const redis = createFakeRedis()
  const { log, mirror } = startMirror(redis, { logBytes: 20_000 })
  log.append(['data: first\n\n'])
  await mirror.copy()
  for (let i = 0; i < 100; i++) log.append([`data: ${i} ${'x'.repeat(1000)}\n\n`])
  log.close()
  await mirror.copy()
  expect(mirror.isOver).toBe(true)
  expect(await readAll(openElsewhere(redis, log), -1)).toBe('!dropped')
  expect(await readAll(openElsewhere(redis, log), log.oldest() - 1)).toBe(await readAll(log, log.oldest() - 1))
})

test('a frame that comes while a copy ends is copied, too', async () => {
  for (let turns = 0; turns < 100; turns++) {
    const redis = createFakeRedis()
    const { log, mirror } = startMirror(redis)
    log.append(['data: a\n\n'])
    void mirror.copy()
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    log.append(['data: b\n\n'])
    await mirror.copy()
    expect(await readAll(openElsewhere(redis, log), -1), `after ${turns} turns`).toContain('data: b')
  }
})
