import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import type { Part, RunLog } from '../../src/streams/run-log.ts'
import { readAll, readFrom, runLogContract, someFrames, toNumberedText } from '../contracts/run-log.ts'

runLogContract('in memory', { create: () => createMemoryLogs({ runBytes: 1e8, totalBytes: 1e9 }) })

/** The size of a page (src/streams/memory-log.ts). */
const pageBytes = 4096
/** What a log takes besides its frames. */
const overheadBytes = 4096
/** A frame that takes this many bytes of a page. */
const frame = (size: number) => 'x'.repeat(size)

/** Appends frames that fill this many pages, four frames a page. */
function fill(log: RunLog, pages: number) {
  for (let i = 0; i < 4 * pages; i++) log.append([frame(pageBytes / 4)])
}

/** Returns the number of the oldest frame that a log of `length` frames still has. */
function oldestOf(log: RunLog, length: number): number {
  for (let after = -1; after < length; after++) if (log.read(after) !== 'dropped') return after + 1
  throw new Error('unreachable')
}

describe('a log in memory', () => {
  test('drops its oldest frames when it is full', async () => {
    const log = createMemoryLogs({ runBytes: 4 * pageBytes, totalBytes: 1e9 }).create()
    fill(log, 25)
    // Four pages of four frames each, and the four newest frames, which are no page yet.
    expect(oldestOf(log, 100)).toBe(80)
    expect(log.read(78)).toBe('dropped')
    expect(await readFrom(log, 79)).toMatchObject({ last: 83, isEnd: false })
  })

  test('keeps its newest page, even if that is longer than all that is allowed', async () => {
    const log = createMemoryLogs({ runBytes: pageBytes, totalBytes: 1e9 }).create()
    log.append(['a', frame(10 * pageBytes), 'b'])
    expect(log.read(-1)).toBe('dropped')
    expect(await readAll(log, 0)).toBe(toNumberedText(log, [frame(10 * pageBytes), 'b'], 1))
  })

  test('gives a batch that is longer than the log to a reader who has all frames before it', () => {
    const log = createMemoryLogs({ runBytes: pageBytes, totalBytes: 1e9 }).create()
    let seen: unknown
    log.onMore((added) => (seen = added))
    const batch = Array.from({ length: 10 }, (_, i) => `${i}${frame(10_000)}`)
    log.append(batch)
    expect(seen).toEqual({ frames: toNumberedText(log, batch), after: -1, last: 9 })
    expect(log.read(-1)).toBe('dropped')
  })

  test('gives the frames in the call of `onMore`, and a reader who is behind gets all', async () => {
    const log = createMemoryLogs({ runBytes: 1e6, totalBytes: 1e9 }).create()
    log.append(['a'])
    const seen: unknown[] = []
    log.onMore(() => seen.push(log.read(-1), log.read(0), log.read(1)))
    log.append(['b', 'c'])
    expect(seen).toEqual([
      { frames: toNumberedText(log, ['a', 'b', 'c']), last: 2, isEnd: false },
      { frames: toNumberedText(log, ['b', 'c'], 1), last: 2, isEnd: false },
      { frames: toNumberedText(log, ['c'], 2), last: 2, isEnd: false },
    ])
  })

  test('may get a frame in the call of `onMore`', async () => {
    const log = createMemoryLogs({ runBytes: 1e6, totalBytes: 1e9 }).create()
    const texts = ['', '']
    for (const i of [0, 1]) {
      let after = -1
      log.onMore(() => {
        const { frames, last } = log.read(after) as Exclude<Part, string>
        after = last
        texts[i] += frames
        if (i === 0 && last === 0) log.append(['b'])
      })
    }
    log.append(['a'])
    log.append(['c'])
    const all = toNumberedText(log, ['a', 'b', 'c'])
    expect(texts).toEqual([all, all])
  })
})

describe('all logs in memory', () => {
  test('have a bound together: the oldest log loses its oldest frames first', () => {
    const logs = createMemoryLogs({ runBytes: 1e9, totalBytes: 10 * pageBytes + 2 * overheadBytes })
    const [one, two] = [logs.create(), logs.create()]
    fill(one, 6)
    fill(two, 6)
    expect([oldestOf(one, 24), oldestOf(two, 24)]).toEqual([0, 0])
    // `one` is open, so it keeps its newest frames. `two` has to give up its own.
    fill(two, 6)
    expect([oldestOf(one, 24), oldestOf(two, 48)]).toEqual([20, 4])
    one.close()
    fill(two, 1)
    // An empty log takes no room, so `two` loses nothing more.
    expect([oldestOf(one, 24), oldestOf(two, 52)]).toEqual([24, 4])
    expect(one.read(23)).toEqual({ frames: '', last: 23, isEnd: true })
  })

  test('count what a closed log needs, not its whole last page', () => {
    const logs = createMemoryLogs({ runBytes: 1e9, totalBytes: 36 * (pageBytes / 4 + overheadBytes) })
    const short = Array.from({ length: 36 }, () => logs.create())
    for (const log of short) {
      log.append([frame(pageBytes / 4)])
      log.close()
      log.close()
    }
    expect(short.map((log) => oldestOf(log, 1))).toEqual(short.map(() => 0))
  })

  test('tell when a closed log has lost its last frame, so that short logs have a bound too', () => {
    const logs = createMemoryLogs({ runBytes: 1e9, totalBytes: 10 * overheadBytes })
    const empty: number[] = []
    for (let i = 0; i < 30; i++) {
      const log = logs.create(() => empty.push(i))
      log.append([frame(10)])
      log.close()
    }
    expect(empty).toEqual(Array.from({ length: 21 }, (_, i) => i))
  })

  test('forget what was erased, so that its place is free again', () => {
    const logs = createMemoryLogs({ runBytes: 1e9, totalBytes: 10 * pageBytes + 2 * overheadBytes })
    const kept = logs.create()
    fill(kept, 2)
    for (let i = 0; i < 100; i++) {
      const log = logs.create()
      fill(log, 8)
      if (i % 2) log.close()
      log.erase()
      log.erase()
    }
    expect(oldestOf(kept, 8)).toBe(0)
  })

  /** Leaves out the last frames that may have no page yet. */
  function withoutNewest(frames: readonly string[]): readonly string[] {
    let units = 0
    const isPaged = (frame: string, i: number) => (units += frame.length) > pageBytes && i < frames.length - 1
    return frames.slice(0, frames.findLastIndex(isPaged) + 1)
  }

  interface Model {
    log: RunLog
    frames: string[]
    isClosed: boolean
    isErased: boolean
  }
  const steps = fc.array(
    fc.record({
      log: fc.nat(3),
      action: fc.oneof(
        { weight: 8, arbitrary: fc.constant('append' as const) },
        { weight: 1, arbitrary: fc.constantFrom('close', 'erase') },
      ),
      frames: someFrames,
    }),
    { maxLength: 40 },
  )

  test('never hold more than their bounds and a page for each open log, whatever happens', async () => {
    const bounds = { runBytes: 4 * pageBytes, totalBytes: 6 * pageBytes + 2 * overheadBytes }
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const logs = createMemoryLogs(bounds)
        const create = (): Model => ({ log: logs.create(), frames: [], isClosed: false, isErased: false })
        const models: Model[] = Array.from({ length: 4 }, create)
        const all = [...models]
        for (const { log: i, action, frames } of steps) {
          const model = models[i]!
          if (action === 'append') {
            model.log.append(frames)
            model.frames.push(...frames)
          } else {
            model.log[action]()
            model.isClosed ||= action === 'close'
            model.isErased = action === 'erase'
            models[i] = create()
            all.push(models[i])
          }
          let total = 0
          for (const { log, frames, isClosed, isErased } of all) {
            if (isErased && !isClosed) continue
            const oldest = oldestOf(log, frames.length)
            const kept = frames.slice(oldest)
            expect(await readAll(log, oldest - 1)).toBe(toNumberedText(log, kept, oldest))
            const paged = isClosed ? kept : withoutNewest(kept)
            const sizes = paged.map((frame) => Buffer.byteLength(frame))
            const size = sizes.reduce((sum, bytes) => sum + bytes, 0)
            // A frame that has a page of its own may be longer than all that is allowed.
            expect(size).toBeLessThanOrEqual(Math.max(bounds.runBytes, ...sizes))
            if (isErased) expect(kept).toEqual([])
            total += size
          }
          expect(total).toBeLessThanOrEqual(bounds.totalBytes)
        }
        // After all was erased, a new log has all the room.
        for (const { log } of all) log.erase()
        const fresh = logs.create()
        fill(fresh, 4)
        const other = logs.create()
        fill(other, 2)
        expect([oldestOf(fresh, 16), oldestOf(other, 8)]).toEqual([0, 0])
      }),
      { numRuns: 60 },
    )
  })
})
