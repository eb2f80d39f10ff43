import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Verdict } from '../../../src/middleware/limits.ts'
import { createMemoryLimits } from '../../../src/middleware/memory-limits.ts'
import { createRedisLimits } from '../../../src/store/redis/limits.ts'
import type { Reply } from '../../../src/store/redis/redis.ts'

const leaseMs = 9000
const quota = { perMinute: 0, streams: 2 }
const answer = { answers: 1 } as const

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

/** Creates limits over a fake of Redis. `reply` says what Redis answers to a command. */
function create(reply: (command: readonly string[]) => Reply) {
  const sent: (readonly string[])[] = []
  const connected: (() => void)[] = []
  const redis = {
    isReady: true,
    async send(...command: readonly string[]) {
      sent.push(command)
      return reply(command)
    },
    subscribe() {},
    onConnected: (listener: () => void) => void connected.push(listener),
  }
  const now = () => performance.now()
  const memory = createMemoryLimits({ now })
  const sha256 = (text: string) => createHash('sha256').update(text).digest()
  const limits = createRedisLimits({ redis, memory, sha256, leaseMs, now })
  /** The operations of the function, with how many arguments each has. */
  const toOperations = () => sent.map(([, , , , , , operation, , ...rest]) => [operation, rest.length])
  return { limits, redis, sent, toOperations, connect: () => connected.forEach((listener) => listener()) }
}

const fail = (message: string) => () => {
  throw new Error(message)
}

/** Expects that the memory of the process decides: of three answers, the third is refused. */
async function expectOwnLimits(reserve: () => Verdict | Promise<Verdict>) {
  const verdicts = [await reserve(), await reserve(), await reserve()]
  expect(verdicts.map(({ refusedBy }) => refusedBy)).toEqual([undefined, undefined, 'answers'])
  for (const { settle } of verdicts) settle()
  expect((await reserve()).refusedBy).toBeUndefined()
}

describe('limits in Redis', () => {
  test('are those of the process while Redis is not ready, and Redis is not asked', async () => {
    const { limits, redis, sent } = create(fail('Cannot ask Redis'))
    redis.isReady = false
    await expectOwnLimits(() => limits.reserve('a', answer, quota))
    expect(sent).toEqual([])
  })

  test.each<[string, () => Reply]>([
    ['fails', fail('OOM command not allowed when used memory > maxmemory')],
    ['has nothing', () => null],
    ['answers with a text', () => 'PONG'],
    ['answers with other values', () => ['x']],
    ['answers with too few values', () => []],
  ])('are those of the process if Redis %s', async (_, reply) => {
    const { limits } = create(reply)
    await expectOwnLimits(() => limits.reserve('a', answer, quota))
  })

  test('refuse if Redis refuses, although the process knows of no answer', async () => {
    const { limits } = create(() => ['0'])
    expect(await limits.reserve('a', answer, quota)).toMatchObject({
      refusedBy: 'answers',
      left: { answers: { remaining: 0, retryAfterSeconds: 5 } },
    })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ask again, once, for a caller whose last answer has just ended at another process', async () => {
    const replies = [['0'], ['1']]
    const { limits, toOperations } = create(() => replies.shift()!)
    expect((await limits.reserve('a', answer, quota)).refusedBy).toBeUndefined()
    expect(toOperations().map(([name]) => name)).toEqual(['reserve', 'reserve'])
    const refusing = create(() => ['0'])
    expect((await refusing.limits.reserve('a', answer, quota)).refusedBy).toBe('answers')
    expect(refusing.toOperations()).toHaveLength(2)
  })

  test('ask Redis nothing if no limit is asked for', async () => {
    const { limits, sent } = create(() => [])
    expect((await limits.reserve('a', answer, { perMinute: 0, streams: 0 })).refusedBy).toBeUndefined()
    expect(sent).toEqual([])
  })

  test('send the text of the function if Redis does not know it', async () => {
    const { limits, sent } = create(([name]) => (name === 'EVALSHA' ? fail('NOSCRIPT No matching script.')() : ['2']))
    expect((await limits.reserve('a', answer, quota)).refusedBy).toBeUndefined()
    expect(sent.map(([name]) => name)).toEqual(['EVALSHA', 'EVAL'])
    expect(sent[0]![1]).toBe(createHash('sha1').update(sent[1]![1]!).digest('hex'))
    expect(sent[0]!.slice(2)).toEqual(sent[1]!.slice(2))
  })

  test('renew what is open three times a lease, in one call for many answers of a caller, with one timer', async () => {
    const { limits, redis, toOperations, sent } = create(() => ['1000'])
    const verdicts: Verdict[] = []
    for (let i = 0; i < 250; i++) verdicts.push(await limits.reserve('a', answer, { ...quota, streams: 1000 }))
    verdicts.push(await limits.reserve('b', answer, quota))
    // A request has no place that could be renewed.
    await limits.reserve('c', { requests: 1 }, { ...quota, perMinute: 5 })
    sent.length = 0
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(leaseMs / 3)
    const renewals = [200, 200, 100, 2].map((count) => ['renew', count])
    expect(toOperations()).toEqual(renewals)

    redis.isReady = false
    await vi.advanceTimersByTimeAsync(leaseMs)
    expect(toOperations()).toEqual(renewals)
    redis.isReady = true
    await vi.advanceTimersByTimeAsync(leaseMs / 3)
    expect(toOperations()).toEqual([...renewals, ...renewals])

    sent.length = 0
    for (const { settle } of [...verdicts, ...verdicts]) settle()
    await vi.advanceTimersByTimeAsync(leaseMs)
    expect(toOperations()).toEqual(verdicts.map(() => ['settle', 4]))
    expect(vi.getTimerCount()).toBe(0)
  })

  test('enter what began during an outage as soon as Redis is there again', async () => {
    const { limits, redis, toOperations, connect } = create(() => ['2'])
    redis.isReady = false
    const { settle } = await limits.reserve('a', answer, quota)
    redis.isReady = true
    connect()
    await vi.waitFor(() => expect(toOperations()).toEqual([['renew', 2]]))
    settle()
  })

  test('settle at once a reservation that Redis may have made, if its answer was lost and the process refuses', async () => {
    let isLost = false
    const { limits, toOperations, sent } = create(() => (isLost ? fail('Redis does not answer')() : ['2']))
    const held = [await limits.reserve('a', answer, quota), await limits.reserve('a', answer, quota)]
    isLost = true
    sent.length = 0
    expect((await limits.reserve('a', answer, quota)).refusedBy).toBe('answers')
    await vi.waitFor(() => expect(toOperations().map(([name]) => name)).toEqual(['reserve', 'settle']))
    expect(sent[1]![8]).toBe(sent[0]![8]) // the member
    isLost = false
    await vi.advanceTimersByTimeAsync(leaseMs / 3)
    expect(toOperations().map(([name]) => name)).toEqual(['reserve', 'settle', 'renew', 'settle'])
    for (const { settle } of held) settle()
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('try to settle again until the lease has run out, but only what Redis may hold', async () => {
    const { limits, redis, toOperations, sent } = create(() => ['2'])
    const known = await limits.reserve('a', answer, quota)
    redis.isReady = false
    const unknown = await limits.reserve('a', answer, quota)
    sent.length = 0
    known.settle()
    unknown.settle()
    await vi.advanceTimersByTimeAsync(leaseMs / 3)
    expect(toOperations()).toEqual([])
    redis.isReady = true
    await vi.advanceTimersByTimeAsync(leaseMs / 3)
    expect(toOperations()).toEqual([['settle', 4]])
    expect(vi.getTimerCount()).toBe(0)

    const lost = await limits.reserve('a', answer, quota)
    redis.isReady = false
    lost.settle()
    await vi.advanceTimersByTimeAsync(leaseMs)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('settle in the memory of the process while Redis is not ready', async () => {
    const { limits, redis } = create(() => ['2'])
    const verdicts = [await limits.reserve('a', answer, quota), await limits.reserve('a', answer, quota)]
    redis.isReady = false
    expect((await limits.reserve('a', answer, quota)).refusedBy).toBe('answers')
    verdicts[0]!.settle()
    await expect(limits.reserve('a', answer, quota)).resolves.toMatchObject({ refusedBy: undefined })
  })
})
