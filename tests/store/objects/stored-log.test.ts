import { describe, expect, test } from 'vitest'
import { createStoredLog, findStoredFrames } from '../../../src/store/objects/stored-log.ts'
import { readAll, readFrom, runLogContract, toNumberedText } from '../../contracts/run-log.ts'
import { createSqliteStorage } from './sqlite-storage.ts'

/** Returns 256 random bits, as the id of a Durable Object. */
const toId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
const create = (runBytes = 1e8) => createStoredLog({ id: toId(), storage: createSqliteStorage(), runBytes })

runLogContract('in the storage of a Durable Object', { create: () => ({ create: () => create() }) })

describe('a log in the storage of a Durable Object', () => {
  test('writes one value for each call of append', () => {
    const storage = createSqliteStorage()
    const log = createStoredLog({ id: toId(), storage, runBytes: 1e8 })
    for (let i = 0; i < 10; i++) log.append(Array.from({ length: 20 }, (_, j) => `data: ${i}.${j}\n\n`))
    expect(storage.writes).toBe(10)
  })

  test('goes on where another one of the same storage has stopped', async () => {
    const storage = createSqliteStorage()
    const id = toId()
    const huge = '你'.repeat(1_700_000)
    for (const frames of [['a', 'b'], ['c'], [huge], ['d', 'e\n\n']]) {
      const stored = await findStoredFrames(storage)
      createStoredLog({ id, storage, runBytes: 1e8, stored }).append(frames)
    }
    const stored = await findStoredFrames(storage)
    expect(stored).toEqual({ oldest: 0, length: 6 })
    const log = createStoredLog({ id, storage, runBytes: 1e8, stored, isClosed: true })
    const whole = toNumberedText(log, ['a', 'b', 'c', huge, 'd', 'e\n\n'])
    expect((await readAll(log, -1)) === whole).toBe(true)
    expect(await readFrom(log, 4)).toEqual({ frames: 'e\n\n', last: 5, isEnd: true })
    expect(await log.newest()).toBe(toNumberedText(log, ['e\n\n'], 5))
  })

  test('knows its length when its last frame takes several values', async () => {
    const storage = createSqliteStorage()
    createStoredLog({ id: toId(), storage, runBytes: 1e8 }).append(['a', 'x'.repeat(1_200_000)])
    expect(await findStoredFrames(storage)).toEqual({ oldest: 0, length: 2 })
    expect(await findStoredFrames(createSqliteStorage())).toEqual({ oldest: 0, length: 0 })
  })

  test('drops its oldest frames when it is full, and keeps the newest whatever their length', async () => {
    const log = create(40_000)
    for (let i = 0; i < 100; i++) log.append(['x'.repeat(4000)])
    expect(await log.read(-1)).toBe('dropped')
    expect(await log.read(88)).toBe('dropped')
    expect(await readFrom(log, 89)).toMatchObject({ last: 91 })
    expect(log.oldest()).toBe(90)
    log.append(['你'.repeat(600_000)])
    expect(log.oldest()).toBe(100)
    expect(await log.read(98)).toBe('dropped')
    expect(await readFrom(log, 99)).toMatchObject({ last: 100 })
  })

  test('has dropped the frames that the storage cannot read', async () => {
    const storage = createSqliteStorage()
    const log = createStoredLog({ id: toId(), storage, runBytes: 1e8 })
    log.append(['a'])
    storage.list = () => Promise.reject(new Error('broken'))
    expect(await log.read(-1)).toBe('dropped')
    expect(await log.newest()).toBeUndefined()
  })
})
