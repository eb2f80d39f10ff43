import { describe, expect, test, vi } from 'vitest'
import { createRunDirectory, findChatRun, type RunEntry } from '../../../src/store/objects/run-directory.ts'
import { createSqliteStorage } from './sqlite-storage.ts'

function create() {
  let time = 1_000_000
  const storage = createSqliteStorage()
  return {
    storage,
    pass: (ms: number) => (time += ms),
    now: () => time,
    /** Starts the object anew. */
    open: () => createRunDirectory({ storage, now: () => time }),
  }
}

const toEntry = (id: string, more: Partial<RunEntry> = {}): RunEntry => ({
  id,
  caller: 'key a',
  requestId: `request ${id}`,
  state: 'attached',
  isBackground: false,
  ...more,
})
const idsOf = (entries: readonly RunEntry[]) => entries.map(({ id }) => id)

describe('the runs of a caller', () => {
  test('are listed from the oldest to the newest, also when the object was started anew', async () => {
    const { open } = create()
    for (const id of ['z', 'a', 'm']) await open().set(toEntry(id), 4)
    await open().set(toEntry('z', { state: 'finished' }), 4)
    expect(idsOf(await open().list())).toEqual(['z', 'a', 'm'])
    await open().forget('a')
    await open().set(toEntry('b'), 4)
    const directory = open()
    expect(idsOf(await directory.list())).toEqual(['z', 'm', 'b'])
    expect((await directory.list())[0]!.state).toBe('finished')
  })

  test('are listed again after their storage could not be read', async () => {
    const { open, storage } = create()
    await open().set(toEntry('a'), 4)
    const directory = open()
    vi.spyOn(storage, 'list').mockRejectedValueOnce(new Error('gone'))
    await expect(directory.list()).rejects.toThrow('gone')
    expect(idsOf(await directory.list())).toEqual(['a'])
  })

  test('are forgotten when they have expired, and then nothing is left', async () => {
    const { open, storage, pass, now } = create()
    await open().set(toEntry('a', { state: 'finished', expiresAt: now() + 1000 }), 4)
    await open().set(toEntry('b'), 4)
    pass(1000)
    expect(idsOf(await open().list())).toEqual(['b'])
    expect(await open().sweep()).toBe(false)
    expect(storage.keys()).toEqual(['run:b'])
    await open().forget('b')
    expect(await open().sweep()).toBe(true)
    expect(storage.keys()).toEqual([])
  })

  test('that go on without a reader are limited, for each caller', async () => {
    const { open } = create()
    const detached = { state: 'detached' } as const
    expect(await open().set(toEntry('1', detached), 2)).toBe(true)
    expect(await open().set(toEntry('2', detached), 2)).toBe(true)
    expect(await open().set(toEntry('2', detached), 2)).toBe(true)
    expect(await open().set(toEntry('3', detached), 2)).toBe(false)
    expect(await open().set(toEntry('4', { ...detached, caller: 'key b' }), 2)).toBe(true)
    await open().set(toEntry('1', { state: 'attached' }), 2)
    await open().set(toEntry('3', { state: 'finished' }), 2)
    expect(await open().set(toEntry('5', detached), 2)).toBe(true)
  })

  test('in the background count without a reader all the time; one too many is not added', async () => {
    const { open, pass, now } = create()
    const background = { state: 'detached', isBackground: true } as const
    expect(await open().set(toEntry('1', { ...background, expiresAt: now() + 1000 }), 1)).toBe(true)
    expect(await open().set(toEntry('1', background), 1)).toBe(true)
    expect(await open().set(toEntry('1', { ...background, state: 'attached' }), 1)).toBe(true)
    expect(await open().set(toEntry('2', background), 1)).toBe(false)
    expect(idsOf(await open().list())).toEqual(['1'])
    await open().set(toEntry('1', { state: 'finished' }), 1)
    // A run that is admitted, and never starts, counts only for a while.
    expect(await open().set(toEntry('3', { ...background, expiresAt: now() + 1000 }), 1)).toBe(true)
    expect(await open().set(toEntry('4', background), 1)).toBe(false)
    pass(1000)
    expect(await open().set(toEntry('4', background), 1)).toBe(true)
  })

  test('of a chat: the last one is found, until its end is read or it is stopped', async () => {
    const { open } = create()
    const find = async () => findChatRun(await open().list(), 'c')?.id
    expect(await find()).toBeUndefined()
    await open().set(toEntry('1', { chat: 'c' }), 4)
    await open().set(toEntry('2', { chat: 'other' }), 4)
    expect(await find()).toBe('1')
    await open().set(toEntry('3', { chat: 'c' }), 4)
    // The older run reports its state once more.
    await open().set(toEntry('1', { chat: 'c', state: 'finished', isChatOver: false }), 4)
    expect(await find()).toBe('3')
    await open().set(toEntry('3', { chat: 'c', isChatOver: true }), 4)
    expect(await find()).toBeUndefined()
    await open().forget('3')
    expect(await find()).toBeUndefined()
  })
})
