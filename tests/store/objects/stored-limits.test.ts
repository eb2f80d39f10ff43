import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Limits } from '../../../src/middleware/limits.ts'
import { createMemoryLimits } from '../../../src/middleware/memory-limits.ts'
import { createObjectLimits, hold } from '../../../src/store/objects/object-limits.ts'
import { createStoredLimits, type StoredLimits } from '../../../src/store/objects/stored-limits.ts'
import { limitsContract } from '../../contracts/limits.ts'
import { createSqliteStorage, type SqliteStorage } from './sqlite-storage.ts'

function create() {
  const storages = new Map<string, SqliteStorage>()
  const objects = new Map<string, StoredLimits>()
  /** Starts the object of a caller anew. */
  function restart(who: string) {
    const storage = storages.get(who) ?? createSqliteStorage()
    storages.set(who, storage)
    const object = createStoredLimits({ storage, now: Date.now })
    objects.set(who, object)
    return object
  }
  const toObject = async (who: string) => objects.get(who) ?? restart(who)
  const fallback = createMemoryLimits({ now: Date.now })
  return { limits: createObjectLimits({ toObject, waitUntil() {}, fallback }), restart }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

limitsContract('in the objects of the callers', {
  create() {
    const { limits } = create()
    return { limits, pass: async (ms) => void (await vi.advanceTimersByTimeAsync(ms)) }
  },
})

describe('limits in the objects of the callers', () => {
  const quota = { perMinute: 6, streams: 2 }
  const answer = { answers: 1 } as const
  const take = async (limits: Limits) => (await limits.reserve('a', answer, quota)).refusedBy

  test('keep a place as long as its answer lives, and give it back a minute after its process has died', async () => {
    const { limits } = create()
    const verdicts = [await limits.reserve('a', answer, quota), await limits.reserve('a', answer, quota)]
    await vi.advanceTimersByTimeAsync(600_000)
    expect(await take(limits)).toBe('answers')
    for (const { handOver } of verdicts) handOver!() // to a process that dies
    await vi.advanceTimersByTimeAsync(41_000)
    expect(await take(limits)).toBe('answers')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await take(limits)).toBeUndefined()
  })

  test('count in the object again after its storage could not be read', async () => {
    const storage = createSqliteStorage()
    vi.spyOn(storage, 'get').mockRejectedValueOnce(new Error('gone'))
    const object = createStoredLimits({ storage, now: Date.now })
    await expect(object.reserve('1', answer, quota)).rejects.toThrow('gone')
    expect(await object.reserve('1', answer, quota)).toMatchObject({ refusedBy: undefined })
  })

  test('a place that is handed over is settled by its new holder alone', async () => {
    const { limits, restart } = create()
    const verdicts = [await limits.reserve('a', answer, quota), await limits.reserve('a', answer, quota)]
    const held = hold(restart('a'), verdicts[0]!.id!, () => {})
    verdicts[0]!.handOver!()
    verdicts[0]!.settle()
    expect(await take(limits)).toBe('answers')
    await vi.advanceTimersByTimeAsync(600_000)
    held.settle()
    await vi.advanceTimersByTimeAsync(0)
    expect(await take(limits)).toBeUndefined()
  })

  test('are counted in this process while an object cannot be reached', async () => {
    const fallback = createMemoryLimits({ now: Date.now })
    const toObject = () => Promise.reject<StoredLimits>(new Error('gone'))
    const limits = createObjectLimits({ toObject, waitUntil() {}, fallback })
    expect([await take(limits), await take(limits), await take(limits)]).toEqual([undefined, undefined, 'answers'])
  })

  test('hold no place for a reservation whose answer was lost', async () => {
    const object = createStoredLimits({ storage: createSqliteStorage(), now: Date.now })
    const isOver: Promise<unknown>[] = []
    const limits = createObjectLimits({
      toObject: async () => ({
        ...object,
        async reserve(...reservation) {
          await object.reserve(...reservation)
          throw new Error('gone')
        },
      }),
      waitUntil: (promise) => void isOver.push(promise),
      fallback: createMemoryLimits({ now: Date.now }),
    })
    for (let i = 0; i < 2; i++) await limits.reserve('a', answer, quota)
    await Promise.all(isOver)
    expect(await object.reserve('1', answer, quota)).toMatchObject({
      refusedBy: undefined,
      left: { answers: { remaining: 1 } },
    })
  })

  test('ask no object if nothing is limited', async () => {
    const toObject = () => Promise.reject<StoredLimits>(new Error('asked'))
    const limits = createObjectLimits({
      toObject,
      waitUntil() {},
      fallback: { reserve: () => Promise.reject(new Error('asked')) },
    })
    expect(await limits.reserve('a', { requests: 1 }, { perMinute: 0, streams: 2 })).toMatchObject({ refusedBy: undefined })
  })

  test('write one value for a request, and can be forgotten a minute later', async () => {
    const storage = createSqliteStorage()
    const object = createStoredLimits({ storage, now: Date.now })
    await object.reserve('1', { requests: 1 }, quota)
    expect(storage.writes).toBe(1)
    expect(await object.sweep()).toBe(false)
    await vi.advanceTimersByTimeAsync(61_000)
    expect(await object.sweep()).toBe(true)
    await object.reserve('2', answer, quota)
    await vi.advanceTimersByTimeAsync(59_000)
    expect(await object.sweep()).toBe(false)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await object.sweep()).toBe(true)
  })

  test('a clock that jumps back gives nothing back at once, and everything in the usual time', async () => {
    const { limits } = create()
    const request = { requests: 1 } as const
    for (let i = 0; i < 6; i++) expect((await limits.reserve('a', request, quota)).refusedBy).toBeUndefined()
    expect([await take(limits), await take(limits)]).toEqual([undefined, undefined])
    vi.setSystemTime(Date.now() - 86_400_000)
    expect((await limits.reserve('a', request, quota)).refusedBy).toBe('requests')
    expect(await take(limits)).toBe('answers')
    await vi.advanceTimersByTimeAsync(60_000)
    expect((await limits.reserve('a', request, quota)).refusedBy).toBeUndefined()
    expect(await take(limits)).toBe('answers')
  })
})
