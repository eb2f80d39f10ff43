import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import type { RunLog } from '../../src/streams/run-log.ts'
import { readAll, runLogContract, someFrames, toFound } from '../contracts/run-log.ts'

runLogContract('in memory', { create: () => createMemoryLogs({ runBytes: 1e8, totalBytes: 1e9 }) })

/** The size of a page (src/streams/memory-log.ts). */
const pageBytes = 4096
const frame = (size: number) => 'x'.repeat(size)

/** Returns the number of the oldest frame that a log of `length` frames still has. */
function oldestOf(log: RunLog, length: number): number {
  for (let after = -1; after < length; after++) if (log.read(after) !== 'dropped') return after + 1
  throw new Error('unreachable')
}

describe('a log in memory', () => {
  test('drops its oldest frames when it is full', () => {
    const log = createMemoryLogs({ runBytes: 4 * pageBytes, totalBytes: 1e9 }).create()
    for (let i = 0; i < 100; i++) log.append([frame(4096)])
    // Four pages of four frames each.
    expect(oldestOf(log, 100)).toBe(84)
    expect(log.read(82)).toBe('dropped')
    expect(toFound(log.read(83) as never)).toMatchObject({ last: 87, isEnd: false })
  })

  test('keeps its newest frame, even if that is longer than all that is allowed', async () => {
    const log = createMemoryLogs({ runBytes: pageBytes, totalBytes: pageBytes }).create()
    log.append(['a', frame(10 * pageBytes)])
    expect(log.read(-1)).toBe('dropped')
    expect(await readAll(log, 0)).toBe(frame(10 * pageBytes))
  })

  test('gives a batch that is longer than the log to a reader who has all frames before it', () => {
    const log = createMemoryLogs({ runBytes: pageBytes, totalBytes: 1e9 }).create()
    let seen: unknown
    log.onMore(() => (seen ??= log.read(-1)))
    const batch = Array.from({ length: 10 }, (_, i) => `${i}${frame(10_000)}`)
    log.append(batch)
    expect(seen).toEqual({ frames: batch.join(''), last: 9, isEnd: false })
    expect(log.read(-1)).toBe('dropped')
  })

  test('gives the frames in the call of `onMore`, and a reader who is behind gets all', async () => {
    const log = createMemoryLogs({ runBytes: 1e6, totalBytes: 1e9 }).create()
    log.append(['a'])
    const seen: unknown[] = []
    log.onMore(() => seen.push(log.read(-1), log.read(0), log.read(1)))
    log.append(['b', 'c'])
    expect(seen).toEqual([
      { frames: 'abc', last: 2, isEnd: false },
      { frames: 'bc', last: 2, isEnd: false },
      { frames: 'c', last: 2, isEnd: false },
    ])
  })

  test('may get a frame in the call of `onMore`', async () => {
    const log = createMemoryLogs({ runBytes: 1e6, totalBytes: 1e9 }).create()
    const texts = ['', '']
    for (const i of [0, 1]) {
      let after = -1
      log.onMore(() => {
        const { frames, last } = toFound(log.read(after) as never)
        after = last
        texts[i] += frames
        if (i === 0 && frames === 'a') log.append(['b'])
      })
    }
    log.append(['a'])
    log.append(['c'])
    expect(texts).toEqual(['abc', 'abc'])
  })
})

describe('all logs in memory', () => {
  test('have a bound together: the oldest log loses its oldest frames first', () => {
    const logs = createMemoryLogs({ runBytes: 1e9, totalBytes: 10 * pageBytes })
    const [one, two] = [logs.create(), logs.create()]
    for (let i = 0; i < 6; i++) one.append([frame(pageBytes)])
    for (let i = 0; i < 6; i++) two.append([frame(pageBytes)])
    expect([oldestOf(one, 6), oldestOf(two, 6)]).toEqual([2, 0])
    // `one` is open, so it keeps its newest page. `two` has to give up its own.
    for (let i = 0; i < 6; i++) two.append([frame(pageBytes)])
    expect([oldestOf(one, 6), oldestOf(two, 12)]).toEqual([5, 3])
    one.close()
    two.append([frame(pageBytes)])
    expect([oldestOf(one, 6), oldestOf(two, 13)]).toEqual([6, 3])
    expect(one.read(5)).toEqual({ frames: '', last: 5, isEnd: true })
  })

  test('forget what was erased, so that its place is free again', () => {
    const logs = createMemoryLogs({ runBytes: 1e9, totalBytes: 10 * pageBytes })
    const kept = logs.create()
    kept.append([frame(pageBytes), frame(pageBytes)])
    for (let i = 0; i < 100; i++) {
      const log = logs.create()
      for (let j = 0; j < 8; j++) log.append([frame(pageBytes)])
      if (i % 2) log.close()
      log.erase()
      log.erase()
    }
    expect(oldestOf(kept, 2)).toBe(0)
  })

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
    const bounds = { runBytes: 4 * pageBytes, totalBytes: 6 * pageBytes }
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
            expect(await readAll(log, oldest - 1)).toBe(kept.join(''))
            const [, ...rest] = kept.map((frame) => Buffer.byteLength(frame))
            const size = rest.reduce((sum, bytes) => sum + bytes, 0)
            // A frame that has a page of its own may be longer than all that is allowed.
            expect(size).toBeLessThanOrEqual(Math.max(bounds.runBytes, ...rest))
            if (isErased) expect(kept).toEqual([])
            total += Math.max(0, size - (isClosed ? 0 : Math.max(pageBytes, ...rest)))
          }
          expect(total).toBeLessThanOrEqual(bounds.totalBytes)
        }
        // After all was erased, a new log has all the room.
        for (const { log } of all) log.erase()
        const fresh = logs.create()
        for (let j = 0; j < 4; j++) fresh.append([frame(pageBytes)])
        const other = logs.create()
        for (let j = 0; j < 2; j++) other.append([frame(pageBytes)])
        expect([oldestOf(fresh, 4), oldestOf(other, 2)]).toEqual([0, 0])
      }),
      { numRuns: 60 },
    )
  })
})
