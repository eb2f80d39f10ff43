import { expect, test } from 'vitest'
import { sse } from '../../../src/encoders/sse.ts'
import { keys } from '../../../src/store/redis/keys.ts'
import { createOwnRuns } from '../../../src/store/redis/own-runs.ts'
import { createMemoryLogs } from '../../../src/streams/memory-log.ts'
import type { Redis } from '../../../src/store/redis/redis.ts'
import type { OwnRun } from '../../../src/streams/runs.ts'
import { createFakeRedis } from './fake-redis.ts'

/** Starts a run of a process. `finish` ends it. */
function start(redis: Redis, more: Partial<OwnRun['request']> = {}, now = () => 0) {
  const own = createOwnRuns({ redis, process: 'a', leaseMs: 10_000, runBytes: 1e6, keepMs: 300_000, now })
  const log = createMemoryLogs({ runBytes: 1e6, totalBytes: 1e6 }).create()
  const request: OwnRun['request'] = { owner: '', caller: '', requestId: 'id', encoder: sse, graceMs: 30_000, ...more }
  let state: OwnRun['state'] = 'attached'
  const run: Partial<OwnRun> = {
    log,
    request,
    get state() {
      return state
    },
  }
  return {
    own,
    log,
    run: run as OwnRun,
    finish() {
      state = 'finished'
      log.close()
    },
  }
}

/** A fake of Redis, and the commands that it gets. `answer` may refuse one. */
function createRecorded(answer: (command: readonly string[]) => void = () => {}) {
  const sent: (readonly string[])[] = []
  const { send, ...redis } = createFakeRedis()
  return {
    sent,
    redis: {
      ...redis,
      async send(...command: readonly string[]) {
        sent.push(command)
        answer(command)
        return send(...command)
      },
    },
  }
}

test('a run that is renewed while its end is on its way is kept as long as every finished run', async () => {
  const { redis, sent } = createRecorded()
  const { own, log, run, finish } = start(redis)
  await own.publish(run)
  finish()
  own.look()
  await own.flush()
  const lives = sent.filter(([name, key]) => name === 'PEXPIRE' && key === keys.run(log.id, '')).map(([, , ms]) => ms)
  expect(lives).toEqual(['360000', '300000'])
})

test.each([
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  // from a script of Redis 6.2
  'ERR Error running script (call to f_1): @user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value',
])('something else under the name of a list or of a chat does not disturb the log: %s', async (message) => {
  const others = [keys.runs('alice'), keys.chat('alice', 'c'), keys.chatRuns('alice', 'c')]
  const { redis, sent } = createRecorded(([name, ...args]) => {
    if (name !== 'PEXPIRE' && args.some((arg) => others.includes(arg))) throw new Error(message)
  })
  const { own, log, run, finish } = start(redis, { owner: 'alice', chat: 'c' })
  await own.publish(run)
  log.append(['data: a\n\n'])
  await own.flush()
  own.look()
  finish()
  await own.flush()
  const ofLog = sent.filter(([, key]) => key === keys.log(log.id)).map(([name]) => name)
  expect(ofLog).toEqual(['PEXPIRE', 'XADD', 'PEXPIRE', 'XADD', 'PEXPIRE'])
})

test('a chat has the name of its new run, although Redis refuses the first attempt', async () => {
  const name = keys.chat('alice', 'c')
  let isFull = true
  const { redis, sent } = createRecorded(([command]) => {
    if (isFull && command === 'SET') throw new Error('OOM command not allowed')
  })
  const { own, run, log } = start(redis, { owner: 'alice', chat: 'c' })
  await own.publish(run)
  isFull = false
  for (let i = 0; i < 2; i++) {
    own.onConnected()
    await own.flush()
  }
  const named = sent.filter((command) => command.includes(name) && command.includes(log.id)).map(([command]) => command)
  expect(named).toEqual(['SET', 'SET', 'EVAL'])
})

test('a run whose end Redis has only in part has all of it later', async () => {
  let isFull = true
  const { redis, sent } = createRecorded((command) => {
    if (isFull && command.includes('finished')) throw new Error('OOM command not allowed')
  })
  const { own, log, run, finish } = start(redis)
  await own.publish(run)
  log.append(['data: a\n\n'])
  finish()
  await own.flush()
  isFull = false
  sent.length = 0
  own.look()
  await own.flush()
  expect(sent).toContainEqual(['HSET', keys.run(log.id, ''), 'state', 'finished'])
  sent.length = 0
  own.look()
  await own.flush()
  expect(sent).toEqual([])
})

test('a copy that is under way when its run is renewed goes on at once', async () => {
  const { redis } = createRecorded()
  const { own, log, run } = start(redis)
  await own.publish(run)
  await own.flush()
  log.append(['data: a\n\n'])
  own.look()
  own.onConnected() // while the copy of `look` is under way
  await new Promise((resolve) => setTimeout(resolve, 0))
  log.append(['data: b\n\n'])
  await expect
    .poll(() => redis.send('XREVRANGE', keys.log(log.id), '+', '-', 'COUNT', '1'))
    .toMatchObject([[expect.any(String), expect.arrayContaining([expect.stringContaining('data: b')])]])
})

test('the name of a chat that was stopped while Redis was down is deleted later, and not set again', async () => {
  const name = keys.chat('alice', 'c')
  let isDown = false
  const { redis, sent } = createRecorded(() => {
    if (isDown) throw new Error('Cannot ask Redis: there is no connection')
  })
  const { own, log, run, finish } = start(redis, { owner: 'alice', chat: 'c' })
  await own.publish(run)
  isDown = true
  own.forgetChat(run)
  log.append(['data: a\n\n'])
  finish()
  await own.flush()
  isDown = false
  sent.length = 0
  own.onConnected()
  own.look()
  await own.flush()
  const ofName = sent.filter((command) => command.includes(name))
  expect(ofName.some((command) => command.join().includes("'DEL'"))).toBe(true)
  expect(ofName.some((command) => command.join().includes("'SET'"))).toBe(false)
})

test('what cannot be erased because it is not ours is not tried again', async () => {
  const { redis, sent } = createRecorded(([name]) => {
    if (name === 'XTRIM') throw new Error('WRONGTYPE Operation against a key holding the wrong kind of value')
  })
  const { own, log, run, finish } = start(redis)
  await own.publish(run)
  log.append(['data: a\n\n'])
  finish()
  await own.flush()
  await own.forget(run)
  await expect.poll(() => sent.some(([name]) => name === 'XTRIM')).toBe(true)
  sent.length = 0
  own.look()
  await own.flush()
  expect(sent).toEqual([])
})

test('a request with fields of other types is ignored', async () => {
  const { redis, sent } = createRecorded()
  const { own, log, run } = start(redis)
  await own.publish(run)
  await own.flush()
  sent.length = 0
  const from = { toString: 1, valueOf: 1 } as unknown as string
  own.onRequest({ type: 'stop', run: log.id, from, id: 'x' })
  own.onRequest({ type: 'viewers', from, runs: { [log.id]: 1 } })
  await new Promise((resolve) => setTimeout(resolve, 0)) // a promise that nobody handles would fail the test
  expect(sent).toEqual([])
})

test('the copies of all runs before the process ends do not wait for each other', async () => {
  let isSilent = false
  let asked = 0
  const redis: Redis = {
    ...createFakeRedis(),
    async send() {
      if (!isSilent) throw new Error('Cannot ask Redis: there is no connection')
      asked++
      return new Promise<never>(() => {})
    },
  }
  const { own } = start(redis)
  for (let i = 0; i < 20; i++) await own.publish(start(redis).run)
  isSilent = true
  void own.flush()
  await expect.poll(() => asked).toBe(20)
})

test('open runs that began together are renewed in good time, and not together', async () => {
  let now = 0
  const { redis, sent } = createRecorded()
  const { own } = start(redis, {}, () => now)
  const runs = Array.from({ length: 200 }, () => start(redis).run)
  for (const run of runs) await own.publish(run)
  const renewals: string[][] = []
  for (; now <= 180_000; now += 1000) {
    sent.length = 0
    own.look()
    await own.flush()
    renewals.push(sent.filter(([name, key = '']) => name === 'PEXPIRE' && key.endsWith(':log')).map(([, key = '']) => key))
  }
  expect(new Set(renewals.flat()).size).toBe(runs.length)
  expect(Math.max(...renewals.map(({ length }) => length))).toBeLessThan(runs.length / 4)
})
