import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFrameId, type Part, type RunLog, type RunLogs } from '../../src/streams/run-log.ts'
import { trickyText } from '../arbitrary-generation.ts'

export interface RunLogContract {
  /** Creates a store that drops nothing in these tests. */
  create(): RunLogs
}

type Found = Exclude<Part, string>

/**
 * Reads from a log. Returns the frames without their ids. Fails if the log gives none, or if the
 * ids are not the next ones.
 */
export async function readFrom(log: RunLog, after: number): Promise<Found> {
  return toFound(log, after, await log.read(after))
}

/** Checks the ids of a result, and removes them. */
function toFound(log: RunLog, after: number, part: Part): Found {
  if (typeof part === 'string') throw new Error(`Cannot read: ${part}`)
  let number = after
  const frames = part.frames.replaceAll(new RegExp(`id: ${log.id}\\.(\\d+)\\n`, 'g'), (_, found) => {
    expect(Number(found)).toBe(++number)
    return ''
  })
  expect(number).toBe(part.last)
  return { ...part, frames }
}

/** Reads from a position to the last frame that is there. Returns the frames with their ids. */
export async function readAll(log: RunLog, after: number): Promise<string> {
  let text = ''
  for (;;) {
    const part = await log.read(after)
    if (typeof part === 'string') throw new Error(`Cannot read: ${part}`)
    if (part.last === after) return text
    text += part.frames
    after = part.last
  }
}

/** Returns frames with their ids. The first one has the number `first`. */
export function toNumberedText({ id }: RunLog, frames: readonly string[], first = 0): string {
  return frames.map((frame, i) => `${frame.slice(0, -1)}id: ${id}.${first + i}\n\n`).join('')
}

/** Sequences of frames, some of them long. Each is one SSE event, so it ends with a blank line. */
export const someFrames: fc.Arbitrary<string[]> = fc.array(
  fc
    .oneof(
      { weight: 8, arbitrary: trickyText },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 3000 }).map((count) => '你好👋 '.repeat(count)) },
    )
    .map((text) => `data: ${text.toWellFormed()}\n\n`),
  { maxLength: 30 },
)

const events = (...texts: string[]) => texts.map((text) => `data: ${text}\n\n`)
const text = (...texts: string[]) => events(...texts).join('')

/** The rules that every log of runs must keep (src/streams/run-log.ts). */
export function runLogContract(name: string, { create }: RunLogContract) {
  describe(`the contract of logs: ${name}`, () => {
    test('an id has at least 128 random bits, and fits into the id of a frame', () => {
      const logs = create()
      const ids = Array.from({ length: 1000 }, () => logs.create().id)
      expect(new Set(ids).size).toBe(ids.length)
      for (const id of ids) expect(parseFrameId(`${id}.7`)).toEqual({ run: id, number: 7 })
      const characters = new Set(ids.join('')).size
      for (const { length } of ids) expect(length * Math.log2(characters)).toBeGreaterThanOrEqual(128)
      // At every place of an id there are all characters.
      const places = ids[0]!.length
      for (let i = 0; i < places; i++) expect(new Set(ids.map((id) => id[i])).size, `at ${i}`).toBe(characters)
    })

    test('an empty log has no frame, and is open', async () => {
      const log = create().create()
      expect(await readFrom(log, -1)).toEqual({ frames: '', last: -1, isEnd: false })
      expect(log.isEmpty()).toBe(true)
    })

    test('a log that has had a frame is not empty, also when it is erased', () => {
      const log = create().create()
      log.append(events('a'))
      expect(log.isEmpty()).toBe(false)
      log.erase()
      expect(log.isEmpty()).toBe(false)
    })

    test('the newest frame is the last one, also in a closed log, and none in an erased one', async () => {
      const log = create().create()
      expect(await log.newest()).toBeUndefined()
      const frames = events('a', '你好', 'b'.repeat(10_000), 'c', 'd')
      for (const [i, frame] of frames.entries()) {
        log.append([frame])
        expect(await log.newest()).toBe(toNumberedText(log, [frame], i))
      }
      log.close()
      expect(await log.newest()).toBe(toNumberedText(log, events('d'), 4))
      log.erase()
      expect(await log.newest()).toBeUndefined()
    })

    test('a log without frames can be closed', async () => {
      const log = create().create()
      log.close()
      expect(await readFrom(log, -1)).toEqual({ frames: '', last: -1, isEnd: true })
      expect(await log.read(0)).toBe('beyond')
    })

    test('frames are read in order, from any place', async () => {
      const log = create().create()
      log.append(events('a', 'b'))
      log.append(events('c'))
      expect(await readFrom(log, -1)).toEqual({ frames: text('a', 'b', 'c'), last: 2, isEnd: false })
      expect(await readFrom(log, 0)).toEqual({ frames: text('b', 'c'), last: 2, isEnd: false })
      expect(await readFrom(log, 1)).toEqual({ frames: text('c'), last: 2, isEnd: false })
      expect(await readFrom(log, 2)).toEqual({ frames: '', last: 2, isEnd: false })
    })

    test('the frames of a closed log end', async () => {
      const log = create().create()
      log.append(events('a', 'b'))
      log.close()
      log.close()
      expect(await readFrom(log, -1)).toEqual({ frames: text('a', 'b'), last: 1, isEnd: true })
      expect(await readFrom(log, 0)).toEqual({ frames: text('b'), last: 1, isEnd: true })
      expect(await readFrom(log, 1)).toEqual({ frames: '', last: 1, isEnd: true })
    })

    test('a reader who is ahead of an open log waits for the frames behind its place', async () => {
      const log = create().create()
      log.append(events('a'))
      expect(await readFrom(log, 2)).toEqual({ frames: '', last: 2, isEnd: false })
      log.append(events('b', 'c'))
      expect(await readFrom(log, 2)).toEqual({ frames: '', last: 2, isEnd: false })
      log.append(events('d'))
      expect(await readFrom(log, 2)).toEqual({ frames: text('d'), last: 3, isEnd: false })
    })

    test('a reader who is ahead of a closed log is beyond its end', async () => {
      const log = create().create()
      log.append(events('a'))
      log.close()
      expect(await log.read(1)).toBe('beyond')
      expect(await log.read(999_999_999_999_999)).toBe('beyond')
    })

    test('any frames come back byte for byte, whatever the batches and the place', async () => {
      await fc.assert(
        fc.asyncProperty(someFrames, fc.array(fc.nat(5), { minLength: 1 }), fc.boolean(), async (frames, sizes, isClosed) => {
          const log = create().create()
          for (let from = 0, i = 0; from < frames.length; i++) {
            const size = 1 + sizes[i % sizes.length]!
            log.append(frames.slice(from, from + size))
            from += size
          }
          if (isClosed) log.close()
          for (let after = frames.length - 1; after >= -1; after--)
            expect(await readAll(log, after)).toBe(toNumberedText(log, frames.slice(after + 1), after + 1))
          expect(await readFrom(log, frames.length - 1)).toEqual({ frames: '', last: frames.length - 1, isEnd: isClosed })
        }),
        { numRuns: 50 },
      )
    })

    test('a long log comes in parts: each has a frame, and none is long', async () => {
      const log = create().create()
      const frames = Array.from({ length: 2000 }, (_, i) => `data: ${i} ${'é'.repeat(i % 100)}\n\n`)
      log.append(frames)
      log.close()
      let text = ''
      for (let after = -1, isEnd = false; !isEnd;) {
        const part = await readFrom(log, after)
        expect(part.last).toBeGreaterThan(after)
        expect(Buffer.byteLength(part.frames)).toBeLessThan(20_000)
        text += part.frames
        after = part.last
        isEnd = part.isEnd
      }
      expect(text).toBe(frames.join(''))
    })

    test('a frame of 5 MB comes whole', async () => {
      const log = create().create()
      const frames = events('a', '你'.repeat(1_700_000), 'z')
      log.append(frames)
      expect((await readAll(log, -1)) === toNumberedText(log, frames)).toBe(true)
      expect(await readFrom(log, 1)).toMatchObject({ frames: text('z'), last: 2 })
    })

    test('logs of one store do not mix', async () => {
      const logs = create()
      const [one, other] = [logs.create(), logs.create()]
      for (let i = 0; i < 100; i++) {
        one.append(events(`a${i}`))
        other.append(events(`b${i}`))
      }
      expect(await readAll(one, 97)).toBe(toNumberedText(one, events('a98', 'a99'), 98))
      expect(await readAll(other, 97)).toBe(toNumberedText(other, events('b98', 'b99'), 98))
    })

    describe('onMore', () => {
      test('calls each listener, so that it finds all frames and the end', async () => {
        const log = create().create()
        const readers = Array.from({ length: 3 }, () => ({ text: '', after: -1, isEnd: false }))
        const reading = readers.map((reader) => {
          let last = Promise.resolve()
          log.onMore(() => {
            last = last.then(async () => {
              const part = await readFrom(log, reader.after)
              reader.text += part.frames
              reader.after = part.last
              reader.isEnd = part.isEnd
            })
          })
          return () => last
        })
        for (const frame of events('a', 'b', 'c')) log.append([frame])
        log.close()
        await expect.poll(() => readers.every(({ isEnd }) => isEnd), { interval: 1 }).toBe(true)
        await Promise.all(reading.map((last) => last()))
        expect(readers).toEqual(readers.map(() => ({ text: text('a', 'b', 'c'), after: 2, isEnd: true })))
      })

      test('a read in the call has the frames', async () => {
        const log = create().create()
        const seen: (Part | Promise<Part>)[] = []
        log.onMore(() => void seen.push(log.read(-1)))
        log.append(events('a', 'b'))
        await expect.poll(() => seen.length, { interval: 1 }).toBeGreaterThan(0)
        expect(toFound(log, -1, await seen[0]!)).toEqual({ frames: text('a', 'b'), last: 1, isEnd: false })
      })

      test('does not call a listener that was removed, not even one that is removed in a call', async () => {
        const log = create().create()
        const calls: string[] = []
        const removeFirst = log.onMore(() => {
          calls.push('first')
          removeFirst()
          removeSecond()
        })
        const removeSecond = log.onMore(() => void calls.push('second'))
        log.onMore(() => void calls.push('third'))
        log.append(events('a'))
        log.append(events('b'))
        log.close()
        await expect.poll(() => calls.includes('third'), { interval: 1 }).toBe(true)
        expect(calls.filter((call) => call !== 'third')).toEqual(['first'])
        removeFirst()
      })
    })

    describe('erase', () => {
      test('drops all frames, and calls the listeners', async () => {
        const log = create().create()
        log.append(events('a', 'b'))
        log.close()
        let calls = 0
        log.onMore(() => void calls++)
        log.erase()
        await expect.poll(() => calls, { interval: 1 }).toBeGreaterThan(0)
        expect(await log.read(-1)).toBe('dropped')
        expect(await log.read(0)).toBe('dropped')
      })

      test('leaves the end to a reader who has all frames of a closed log', async () => {
        const log = create().create()
        log.append(events('a'))
        log.close()
        expect(await readFrom(log, -1)).toMatchObject({ isEnd: true })
        log.erase()
        expect(await readFrom(log, 0)).toEqual({ frames: '', last: 0, isEnd: true })
      })

      test.each([0, 1])('of a log that is open with %d frames lets nobody wait', async (count) => {
        const log = create().create()
        if (count > 0) log.append(events('a'))
        log.erase()
        log.erase()
        for (const after of [-1, 0, 5]) expect(['dropped', 'beyond']).toContain(await log.read(after))
      })
    })
  })
}
