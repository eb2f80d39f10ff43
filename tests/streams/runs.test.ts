import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Encoder } from '../../src/encoders/encoder.ts'
import { sse } from '../../src/encoders/sse.ts'
import { logDropped } from '../../src/streams/failures.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import { toFailureFrames } from '../../src/streams/recorder.ts'
import { createRuns, type OwnRun, type RunRequest, type RunsOptions } from '../../src/streams/runs.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

function create(options: Partial<RunsOptions> = {}) {
  const logs = createMemoryLogs({ runBytes: 1e6, totalBytes: 1e9 })
  const runs = createRuns({ logs, maxDetached: 2, keepMs: 10_000, now: () => performance.now(), ...options })
  const stops = new Map<OwnRun, string[]>()

  /** Starts a run with one frame. Like a real generation, it ends as soon as it is stopped. */
  function start(request: Partial<RunRequest> = {}): OwnRun {
    const codes: string[] = []
    const run = runs.start({
      owner: 'a',
      caller: 'key a',
      requestId: 'id-1',
      encoder: sse,
      graceMs: 1000,
      stop(error) {
        codes.push(error.code)
        run.log.append([`!${error.code}`])
        run.finish()
      },
      ...request,
    })!
    stops.set(run, codes)
    run.log.append(['frame'])
    return run
  }
  const stopsOf = (run: OwnRun) => stops.get(run)!
  return { runs, start, stopsOf }
}

describe('a run', () => {
  test('is found by its owner, and by nobody else', async () => {
    const { runs, start } = create()
    const run = start({ owner: 'a', chat: 'chat-1' })
    const { id } = run.log
    expect(await runs.find(id, 'a')).toBe(run)
    expect(await runs.findChat('chat-1', 'a')).toBe(run)
    expect(await runs.list('a')).toEqual([run])
    for (const stranger of ['b', '', 'A', 'a ', '__proto__']) {
      expect(await runs.find(id, stranger)).toBeUndefined()
      expect(await runs.findChat('chat-1', stranger)).toBeUndefined()
      expect(await runs.list(stranger)).toEqual([])
    }
    for (const other of ['', id.slice(1), `${id}0`, id.toUpperCase() + 'X', '__proto__', 'constructor']) {
      expect(await runs.find(other, 'a')).toBeUndefined()
      expect(await runs.findChat(other, 'a')).toBeUndefined()
    }
  })

  test('of no runtime that keeps logs does not start', () => {
    const { runs } = create({ logs: undefined })
    const stop = () => {}
    expect(runs.start({ owner: '', caller: '', requestId: '', encoder: sse, graceMs: 1, stop })).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is abandoned once, when its grace is over', async () => {
    const { start, stopsOf } = create()
    const run = start()
    const leave = run.join()
    await pass(5000)
    leave()
    leave()
    expect(run.life.isDetached).toBe(true)
    await pass(990)
    expect(stopsOf(run)).toEqual([])
    await pass(50)
    expect(stopsOf(run)).toEqual(['abandoned'])
    expect(run.life.isFinished).toBe(true)
  })

  test('that does not end at once when it is abandoned is not stopped again and again', async () => {
    const { start } = create()
    let stops = 0
    const run = start({ stop: () => void stops++ })
    await pass(60_000)
    expect(stops).toBe(1)
    run.finish()
    await pass(11_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that a viewer joins in its grace goes on', async () => {
    const { start, stopsOf } = create()
    const run = start()
    run.join()()
    await pass(900)
    const leave = run.join()
    await pass(60_000)
    expect(stopsOf(run)).toEqual([])
    leave()
    await pass(1100)
    expect(stopsOf(run)).toEqual(['abandoned'])
    expect(run.life.viewers).toBe(2)
    expect(run.life.detachedMs).toBeGreaterThan(1800)
    expect(run.life.detachedMs).toBeLessThan(2100)
  })

  test('that is stopped is cancelled once, and then erased by a second stop', async () => {
    const { runs, start, stopsOf } = create()
    const run = start({ chat: 'chat-1' })
    void run.stop()
    expect(stopsOf(run)).toEqual(['cancelled'])
    expect(await runs.find(run.log.id, 'a')).toBe(run)
    void run.stop()
    expect(stopsOf(run)).toEqual(['cancelled'])
    expect(await runs.find(run.log.id, 'a')).toBeUndefined()
    expect(await runs.findChat('chat-1', 'a')).toBeUndefined()
    expect(run.log.read(-1)).toBe('dropped')
    expect(vi.getTimerCount()).toBe(0)
    void run.stop()
  })

  test('that is finished is kept for a while', async () => {
    const { runs, start } = create()
    const run = start()
    run.finish()
    await pass(9900)
    expect(await runs.find(run.log.id, 'a')).toBe(run)
    await pass(200)
    expect(await runs.find(run.log.id, 'a')).toBeUndefined()
    expect(run.log.read(-1)).toBe('dropped')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is kept as long as it asks for', async () => {
    const { runs, start } = create()
    const run = start({ keepMs: 600_000 })
    run.finish()
    await pass(599_000)
    expect(await runs.list('a')).toEqual([run])
    await pass(2000)
    expect(await runs.list('a')).toEqual([])
  })

  test('that is finished is not erased while a viewer reads', async () => {
    const { runs, start } = create()
    const run = start()
    const leave = run.join()
    run.finish()
    await pass(1e6)
    expect(await runs.find(run.log.id, 'a')).toBe(run)
    leave()
    await pass(100)
    expect(await runs.find(run.log.id, 'a')).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('without a frame is forgotten when it is finished, and nobody waits for it', async () => {
    const { runs } = create()
    const run = runs.start({ owner: 'a', caller: 'a', requestId: '', encoder: sse, graceMs: 1000, chat: 'c', stop() {} })!
    run.join()
    run.finish()
    expect(await runs.find(run.log.id, 'a')).toBeUndefined()
    expect(await runs.findChat('c', 'a')).toBeUndefined()
    expect(run.log.read(-1)).toBe('dropped')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that is finished can still tell a viewer that its frames were dropped', () => {
    const { start } = create()
    const run = start({ requestId: 'id-7' })
    const toFrames = () => toFailureFrames(run.request.encoder, logDropped(), 'id-7')
    const frames = toFrames()
    expect(frames).toContain('"log_dropped"')
    run.finish()
    expect(run.request.encoder).not.toBe(sse)
    expect(toFrames()).toBe(frames)
    expect(run.request.encoder).toMatchObject({ contentType: sse.contentType, headers: sse.headers, opening: sse.opening })
  })

  test('that is removed is unknown at once, and its log is erased when it ends', async () => {
    const { runs } = create()
    let stopped = ''
    const stop = (error: { code: string }) => void (stopped = error.code)
    const run = runs.start({ owner: 'a', caller: 'a', requestId: '', encoder: sse, graceMs: undefined, stop })!
    run.log.append(['frame'])
    void run.remove()
    expect(stopped).toBe('cancelled')
    expect([await runs.find(run.log.id, 'a'), await runs.list('a')]).toEqual([undefined, []])
    run.log.append(['terminal'])
    const ends: unknown[] = []
    run.log.onMore(() => ends.push(run.log.read(1)))
    run.finish()
    expect(ends[0], 'a reader who has everything').toEqual({ frames: '', last: 1, isEnd: true })
    expect(run.log.read(-1)).toBe('dropped')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that is removed after its end is unknown and erased', async () => {
    const { runs, start, stopsOf } = create()
    const run = start()
    run.finish()
    void run.remove()
    expect(stopsOf(run)).toEqual([])
    expect(await runs.find(run.log.id, 'a')).toBeUndefined()
    expect(run.log.read(-1)).toBe('dropped')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that is finished keeps nothing of its request in memory', async () => {
    vi.useRealTimers()
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const { runs, start } = create()
    const state = new WeakRef(
      (() => {
        const context = { body: 'x' }
        // An encoder may keep the tools of its request.
        const encoder: Encoder = { ...sse, start: (options) => (void context.body, sse.start(options)) }
        start({ encoder, stop: () => void context.body, toQueued: () => context }).finish()
        return context
      })(),
    )
    await new Promise(setImmediate)
    collect()
    // The object itself must not go into an assertion, because its error would keep it.
    expect(state.deref() === undefined).toBe(true)
    expect((await runs.list('a')).length).toBe(1)
    const [one] = await runs.list('a')
    await one!.stop()
  })
})

describe('a chat', () => {
  test('is its last run: the end of an earlier run does not forget it', async () => {
    const { runs, start } = create()
    const first = start({ chat: 'c' })
    const second = start({ chat: 'c' })
    expect(await runs.findChat('c', 'a')).toBe(second)
    expect(await runs.find(first.log.id, 'a')).toBe(first)
    first.finish()
    void first.stop()
    expect(await runs.find(first.log.id, 'a')).toBeUndefined()
    expect(await runs.findChat('c', 'a')).toBe(second)
    second.finish()
    await pass(11_000)
    expect(await runs.findChat('c', 'a')).toBeUndefined()
  })

  test('is forgotten when a viewer has read its end, or when it is stopped', async () => {
    const { runs, start } = create()
    const read = start({ chat: 'read' })
    const [leave, leaveEarly] = [read.join(), read.join()]
    leaveEarly(false)
    expect(await runs.findChat('read', 'a')).toBe(read)
    read.finish()
    leave(true)
    expect(await runs.findChat('read', 'a')).toBeUndefined()
    const stopped = start({ chat: 'stopped' })
    void stopped.stop()
    expect(await runs.findChat('stopped', 'a')).toBeUndefined()
    for (const run of [read, stopped]) expect(await runs.find(run.log.id, 'a')).toBe(run)
  })

  test('is stopped with all its open runs, and without those of other owners and chats', async () => {
    const { runs, start, stopsOf } = create()
    const [one, two] = [start({ chat: 'c' }), start({ chat: 'c' })]
    const others = [start({ chat: 'd' }), start(), start({ chat: 'c', owner: 'b' })]
    const finished = start({ chat: 'c' })
    finished.finish()
    await runs.stopChat('c', 'a')
    expect([one, two].map(stopsOf)).toEqual([['cancelled'], ['cancelled']])
    expect(others.flatMap(stopsOf)).toEqual([])
    // A finished answer is not erased.
    await runs.stopChat('c', 'a')
    for (const run of [one, two, finished]) expect(await runs.find(run.log.id, 'a')).toBe(run)
  })

  test('of one owner is not the chat of another, however the names are joined', async () => {
    const { runs, start } = create()
    const names = ['', 'a', 'a","b', 'b', '","', '["a"]', ',']
    const all = names.flatMap((owner) => names.map((chat) => ({ owner, chat, run: start({ owner, chat, caller: owner }) })))
    for (const { owner, chat, run } of all) expect(await runs.findChat(chat, owner)).toBe(run)
  })
})

describe('the limit of detached runs', () => {
  test('stops the run that would be one more when its reader leaves, and no other', () => {
    const { start, stopsOf } = create()
    const all = Array.from({ length: 4 }, () => start())
    const leaves = all.map((run) => run.join())
    for (const leave of leaves) leave()
    expect(all.map(stopsOf)).toEqual([[], [], ['abandoned'], ['abandoned']])
  })

  test('counts each caller alone, and finished runs not at all', () => {
    const { start, stopsOf } = create()
    for (let i = 0; i < 2; i++) {
      start().join()()
      start({ caller: 'key b' }).join()()
      const finished = start()
      finished.join()
      finished.finish()
    }
    const c = start({ caller: 'key c' })
    c.join()()
    expect(stopsOf(c)).toEqual([])
    const one = start()
    one.join()()
    expect(stopsOf(one)).toEqual(['abandoned'])
  })

  test('does not count runs that have a viewer', () => {
    const { start, stopsOf } = create()
    const all = Array.from({ length: 10 }, () => start())
    for (const run of all) {
      run.join()
      run.join()()
    }
    expect(all.flatMap(stopsOf)).toEqual([])
  })

  test('of 0 stops each run when its reader leaves', () => {
    const { start, stopsOf } = create({ maxDetached: 0 })
    const run = start()
    run.join()()
    expect(stopsOf(run)).toEqual(['abandoned'])
  })

  test('refuses a background run that would be one more', async () => {
    const { start, stopsOf } = create()
    const background = { graceMs: undefined }
    const one = start(background)
    const two = start(background)
    expect(() => start(background)).toThrow(
      expect.objectContaining({ code: 'rate_limited', status: 429, retryAfterSeconds: 5 }),
    )
    start({ ...background, caller: 'key b' })
    // A background run counts even while a viewer reads it, and its readers may leave.
    two.join()()
    one.join()
    expect(() => start(background)).toThrow()
    await pass(1e8)
    expect([one, two].map(stopsOf)).toEqual([[], []])
    one.finish()
    start(background)
  })

  test('counts detached and background runs together', () => {
    const { start, stopsOf } = create()
    start({ graceMs: undefined })
    start().join()()
    const one = start()
    const leave = one.join()
    expect(() => start({ graceMs: undefined })).toThrow()
    leave()
    expect(stopsOf(one)).toEqual(['abandoned'])
  })
})
