import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sse } from '../../../src/encoders/sse.ts'
import { createRunDirectory } from '../../../src/store/objects/run-directory.ts'
import { createRunStore } from '../../../src/store/objects/run-store.ts'
import { createRuns, type RunRequest } from '../../../src/streams/runs.ts'
import { readAll, runLogContract, toNumberedText } from '../../contracts/run-log.ts'
import { createSqliteStorage, type SqliteStorage } from './sqlite-storage.ts'

const toId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')

const options = { runBytes: 1e8, maxDetached: 2, keepMs: 60_000, now: () => performance.now() }

/** The object of a run, and the object of its caller. */
function createObject(id = toId(), storage = createSqliteStorage(), list: SqliteStorage = createSqliteStorage()) {
  const directory = createRunDirectory({ storage: list, now: Date.now })
  const store = createRunStore({ ...options, id, storage, toDirectory: async () => directory })
  const runs = createRuns({ logs: store.logs, shared: store.shared, maxDetached: 2, keepMs: 60_000, now: options.now })
  const stops: string[] = []
  const start = (more: Partial<RunRequest> = {}) =>
    runs.start({
      owner: 'alice',
      caller: 'key alice',
      requestId: 'r1',
      encoder: sse,
      graceMs: 30_000,
      stop: ({ code }) => void stops.push(code),
      ...more,
    })!
  return { id, storage, directory, store, runs, stops, start, restart: () => createObject(id, storage, list) }
}

// The log of an object stands in front of its storage. So it must keep the rules by itself.
runLogContract('of a Durable Object', {
  create: () => ({
    create() {
      const { start } = createObject()
      return start().log
    },
  }),
})

describe('the run of a Durable Object', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const frames = (count: number) => Array.from({ length: count }, (_, i) => `data: ${i}\n\n`)
  const find = ({ runs, id }: ReturnType<typeof createObject>) => runs.find(id, 'alice')

  test('has the id of its object, and is found by its owner alone', async () => {
    const object = createObject()
    const run = object.start()
    expect(run.log.id).toBe(object.id)
    run.log.append(frames(1))
    run.finish()
    for (const each of [object, object.restart()]) {
      expect((await find(each))?.log.id).toBe(object.id)
      expect(await each.runs.find(object.id, 'bob')).toBeUndefined()
    }
  })

  test('an object without a run finds nothing and writes nothing', async () => {
    const object = createObject()
    expect(await find(object)).toBeUndefined()
    expect(await object.runs.findChat('c', 'alice')).toBeUndefined()
    await object.store.alarm()
    expect([object.storage.writes, object.storage.alarm]).toEqual([0, undefined])
  })

  test('the frames of 200 ms are one value, and the end is written at once', async () => {
    const { start, storage } = createObject()
    const { log, finish } = start()
    const before = storage.writes
    for (let i = 0; i < 100; i++) {
      log.append([`data: ${i}\n\n`])
      await vi.advanceTimersByTimeAsync(10)
    }
    const pages = storage.keys().filter((key) => key.startsWith('frame:'))
    expect(pages.length).toBeLessThanOrEqual(5)
    expect(storage.writes - before).toBe(pages.length)
    log.append(['data: last\n\n'])
    finish()
    expect(storage.keys().filter((key) => key.startsWith('frame:'))).toHaveLength(pages.length + 1)
  })

  test('a finished run is the same after a restart, byte for byte', async () => {
    const object = createObject()
    const { log, finish } = object.start()
    log.append(frames(500))
    finish()
    const run = (await find(object.restart()))!
    expect(run.state).toBe('finished')
    expect(await readAll(run.log as typeof log, -1)).toBe(toNumberedText(log, frames(500)))
    expect(await run.log.read(499)).toEqual({ frames: '', last: 499, isEnd: true })
    expect(await run.log.read(500)).toBe('beyond')
  })

  test('an open run has lost its producer after a restart; whoever has its last number or more has lost frames', async () => {
    const object = createObject()
    const { log } = object.start()
    log.append(frames(3))
    await vi.advanceTimersByTimeAsync(200)
    log.append(frames(2)) // nobody stores them any more
    vi.clearAllTimers()
    const again = object.restart()
    const run = (await find(again))!
    expect(run.state).toBe('finished')
    const text = await readAll({ ...log, read: run.log.read }, -1).catch((error: Error) => error.message)
    expect(text).toContain('lost')
    const part = await run.log.read(2)
    expect(part).toMatchObject({ last: 3, isEnd: true, frames: expect.stringContaining('"code":"producer_lost"') })
    expect([await run.log.read(3), await run.log.read(4)]).toEqual(['lost', 'lost'])
    // One restart more changes nothing.
    expect(await (await find(again.restart()))!.log.read(2)).toEqual(part)
    expect(await (await find(again.restart()))!.log.read(3)).toBe('lost')
    await again.store.settled()
    expect(await again.directory.list()).toMatchObject([{ state: 'finished' }])
  })

  test('the alarm finds that the producer is gone, also if nobody reads, and erases the run when its time is over', async () => {
    const object = createObject()
    object.start().log.append(frames(1))
    await vi.advanceTimersByTimeAsync(200)
    vi.clearAllTimers()
    expect(object.storage.alarm! - Date.now()).toBeLessThanOrEqual(60_000)
    const again = object.restart()
    await again.store.alarm()
    expect(await again.directory.list()).toMatchObject([{ state: 'finished' }])
    expect(object.storage.alarm! - Date.now()).toBe(60_000)
    vi.setSystemTime(object.storage.alarm!)
    await again.restart().store.alarm()
    expect([object.storage.keys(), object.storage.alarm]).toEqual([[], undefined])
    expect(await again.directory.list()).toEqual([])
  })

  test('an object whose storage could not be read once finds its run the next time', async () => {
    const object = createObject()
    const { log } = object.start()
    log.append(frames(1))
    await vi.advanceTimersByTimeAsync(200)
    vi.clearAllTimers()
    const again = object.restart()
    vi.spyOn(object.storage, 'list').mockRejectedValueOnce(new Error('gone'))
    await expect(find(again)).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await (await find(again))!.log.read(-1)).toMatchObject({ last: 1, isEnd: true })
  })

  test('the alarm of an open run only sets the next one', async () => {
    const object = createObject()
    const run = object.start()
    run.log.append(frames(1))
    await vi.advanceTimersByTimeAsync(60_000 - 30_000 - 1)
    vi.setSystemTime(object.storage.alarm!)
    await object.store.alarm()
    expect(object.storage.alarm! - Date.now()).toBe(60_000)
    expect((await find(object))!.state).toBe('detached')
  })

  test('a finished run that nobody reads keeps no timer, and the alarm erases it in memory too', async () => {
    const object = createObject()
    const run = object.start()
    const leave = run.join()
    run.log.append(frames(1))
    run.finish()
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1) // that of the grace
    await vi.advanceTimersByTimeAsync(60_000)
    expect(vi.getTimerCount()).toBe(0)
    await object.store.alarm() // a viewer still reads
    expect(await find(object)).toBe(run)
    leave(true)
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(60_000)
    await object.store.alarm()
    expect(await find(object)).toBeUndefined()
    expect(object.storage.keys()).toEqual([])
    expect(await object.directory.list()).toEqual([])
  })

  test.each([false, true])('a DELETE erases everything, after a restart: %s', async (isRestarted) => {
    const object = createObject()
    const started = object.start()
    started.log.append(frames(1))
    started.finish()
    const each = isRestarted ? object.restart() : object
    const run = (await find(each))!
    await run.stop()
    await each.store.settled()
    expect(await find(each)).toBeUndefined()
    expect([object.storage.keys(), await each.directory.list()]).toEqual([[], []])
    expect(await find(each.restart())).toBeUndefined()
  })

  test('a run that fails before its first frame leaves nothing', async () => {
    const object = createObject()
    object.start().finish()
    await object.store.settled()
    await vi.advanceTimersByTimeAsync(1000)
    expect([object.storage.keys(), await object.directory.list()]).toEqual([[], []])
  })

  test('the list knows when a reader comes and leaves, and a run without a reader too many is stopped', async () => {
    const storage = createSqliteStorage()
    const objects = [1, 2, 3].map(() => createObject(toId(), createSqliteStorage(), storage))
    // All objects use the object of one caller.
    const [{ directory }] = objects as [ReturnType<typeof createObject>]
    for (const { directory: own } of objects) Object.assign(own, directory)
    const states = async () => (await directory.list()).map(({ state }) => state)
    const leaves = []
    for (const object of objects) {
      leaves.push(object.start().join())
      await object.store.settled()
    }
    expect(await states()).toEqual(['attached', 'attached', 'attached'])
    for (const [i, leave] of leaves.entries()) {
      leave()
      await objects[i]!.store.settled()
    }
    expect(await states()).toEqual(['detached', 'detached', 'detached'])
    expect(objects.map(({ stops }) => stops)).toEqual([[], [], ['abandoned']])
  })

  test('a chat’s run is found after a restart, until its end was read', async () => {
    const object = createObject()
    const { log, finish } = object.start({ chat: 'c' })
    log.append(frames(1))
    finish()
    const again = object.restart()
    expect(await again.runs.findChat('other', 'alice')).toBeUndefined()
    expect(await again.runs.findChat('c', 'bob')).toBeUndefined()
    const run = (await again.runs.findChat('c', 'alice'))!
    run.join()(true)
    expect(await again.runs.findChat('c', 'alice')).toBeUndefined()
    expect(await again.restart().runs.findChat('c', 'alice')).toBeUndefined()
    expect((await find(again))!.log.id).toBe(object.id)
  })

  test('the list hears of a run only when the storage has it, because its object may die before', async () => {
    const object = createObject()
    const stored = Promise.withResolvers<void>()
    vi.spyOn(object.storage, 'sync').mockReturnValue(stored.promise)
    object.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(await object.directory.list()).toEqual([])
    stored.resolve()
    await object.store.settled()
    expect(await object.directory.list()).toMatchObject([{ id: object.id }])
  })

  test('a list that cannot be reached stops nothing, and is told later', async () => {
    const object = createObject()
    const set = vi.spyOn(object.directory, 'set').mockRejectedValue(new Error('gone'))
    const run = object.start()
    const leave = run.join()
    await object.store.settled()
    leave()
    await object.store.settled()
    expect(object.stops).toEqual([])
    set.mockRestore()
    await object.store.alarm()
    expect(await object.directory.list()).toMatchObject([{ state: 'detached' }])
    run.join()
    await object.store.settled()
    expect(await object.directory.list()).toMatchObject([{ state: 'attached' }])
  })

  test('a list that does not answer does not delay the next alarm', async () => {
    const object = createObject()
    vi.spyOn(object.directory, 'set').mockReturnValue(new Promise(() => {}))
    object.start().log.append(frames(1))
    vi.setSystemTime(object.storage.alarm!)
    void object.store.alarm()
    await vi.advanceTimersByTimeAsync(0)
    expect(object.storage.alarm! - Date.now()).toBe(60_000)
  })

  test('a list that cannot be reached when its run is erased forgets the run later', async () => {
    const object = createObject()
    const run = object.start()
    await object.store.settled()
    vi.spyOn(object.directory, 'forget').mockRejectedValueOnce(new Error('gone'))
    run.finish() // without a frame
    await object.store.settled()
    vi.setSystemTime(object.storage.alarm!)
    await object.store.alarm()
    expect(await object.directory.list()).toEqual([])
  })
})
