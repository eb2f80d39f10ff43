import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { sse } from '../../src/encoders/sse.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Batch } from '../../src/generation.ts'
import { createRelay } from '../../src/relay/relay.ts'
import type { Stream } from '../../src/relay/stream.ts'
import { createStreams } from '../../src/relay/streams.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import { createRecorder, toFailureFrames } from '../../src/streams/recorder.ts'
import { createNumberer, type RunLogs } from '../../src/streams/run-log.ts'
import { createRuns, type OwnRun } from '../../src/streams/runs.ts'
import { createViewer, type Viewer } from '../../src/streams/viewer.ts'
import { createFakeSink, type FakeSink } from '../relay/fake-sink.ts'

/**
 * Whole lives of runs: random histories of tokens, viewers, stops and time, with the real relay,
 * runs, logs and viewers. Only the upstream, the sinks and the clock are fakes.
 */

const graceMs = 1000
const keepMs = 2000
const stallMs = 3000
const maxDetached = 2
/** Everything is due at a multiple of this time, so that no timer has to round. */
const stepMs = 500

afterEach(() => {
  vi.useRealTimers()
})

interface Reader {
  viewer: Viewer
  readonly sink: FakeSink
  /** The number of the last frame that the reader has when it begins. */
  readonly after: number
  isFull: boolean
  hasLeft: boolean
  /** What the last comparison has seen. Without a change there is nothing to compare. */
  seen: string
}

interface Generated {
  readonly run: OwnRun
  readonly stream: Stream
  readonly caller: string
  readonly isBackground: boolean
  /** Every frame that the log has ever got. */
  readonly frames: string[]
  readonly readers: Reader[]
  /** Reference: why the run has to be over. Undefined as long as nobody and nothing ends it. */
  reason: string | undefined
  /** Reference: since when the run has no reader. */
  silentSince: number | undefined
  /** Reference: when the run was over. */
  endedAt: number | undefined
  isErased: boolean
  listeners: number
  push(...batch: Batch): void
  fail(): void
}

const now = () => Date.now()
const isReading = ({ sink, hasLeft }: Reader) => !hasLeft && sink.ended === 0 && sink.wasCut === 0
const isOpen = ({ endedAt }: Generated) => endedAt === undefined
/** Reference: whether the run counts as one that goes on without a reader. */
const isAlone = (one: Generated) => isOpen(one) && (one.isBackground || !one.readers.some(isReading))
const codeOf = (frame = '') => (frame.includes('"done":true') ? 'done' : /"code":"(\w+)"/.exec(frame)?.[1])
const ignore = () => {}

/** What the histories have met: how runs have ended, and what has happened to readers. */
const met = new Set<string>()

function createWorld() {
  const memory = createMemoryLogs({ runBytes: 40_000, totalBytes: 100_000 })
  /** The finished runs that had to make room for others. */
  const evicted = new Set<string>()
  const logs: RunLogs = {
    create(onEmpty) {
      const log = memory.create(() => {
        evicted.add(log.id)
        onEmpty?.()
      })
      return log
    },
  }
  const runs = createRuns({ logs, maxDetached, keepMs, now })
  const streams = createStreams({ max: 1000 })
  const all: Generated[] = []
  const countAlone = (caller: string) => all.filter((one) => one.caller === caller && isAlone(one)).length
  /**
   * Counts those that end at this very time, too. The timers of one millisecond fire one after the
   * other, so a run can lose its reader just before the grace of others is over.
   */
  const countAloneAtOnce = (caller: string) =>
    countAlone(caller) + all.filter((one) => one.caller === caller && one.endedAt === now()).length

  function start(caller: string, isBackground: boolean) {
    if (streams.isDraining) return
    const isTooMany = isBackground && countAlone(caller) >= maxDetached
    const request = { requestId: `id-${all.length}`, principal: caller, signal: new AbortController().signal }
    let stream: Stream
    let run: OwnRun
    try {
      run = runs.start({
        owner: caller,
        caller,
        requestId: request.requestId,
        encoder: sse,
        graceMs: isBackground ? undefined : graceMs,
        stop: (error) => stream.stop(error),
      })!
    } catch (error) {
      expect(isTooMany).toBe(true)
      expect(error).toMatchObject({ code: 'rate_limited' })
      met.add('rate_limited')
      return
    }
    expect(isTooMany).toBe(false)
    stream = streams.start(request)
    const recorder = createRecorder(sse, run)
    let take: ((batch: Batch) => unknown) | undefined
    const flowed = Promise.withResolvers<void>()
    flowed.promise.catch(ignore)
    stream.signal.addEventListener('abort', () => flowed.reject(stream.signal.reason))
    const one: Generated = {
      run,
      stream,
      caller,
      isBackground,
      frames: [],
      readers: [],
      reason: undefined,
      silentSince: undefined,
      endedAt: undefined,
      isErased: false,
      listeners: 0,
      push(...batch) {
        take?.(batch)
        if (batch.at(-1)?.type === 'done') flowed.resolve()
      },
      fail() {
        take = undefined
        flowed.reject(new ServiceError('upstream_failed', 'reset'))
      },
    }
    all.push(one)
    watch(one)
    const leave = isBackground ? ignore : run.join()
    const relay = createRelay({
      stream,
      encoder: recorder.encoder,
      deadlines: { graceMs: 0, heartbeatMs: 0, firstTokenMs: 0, idleMs: 0, totalMs: 0, stallMs },
      maxBytes: 1e9,
      now,
      open() {
        if (!isBackground) recorder.viewer = view(one, -1, leave)
        return { response: new Response(), sink: recorder.sink }
      },
      refuse: () => new Response(),
    })
    const generation = Promise.resolve({
      flow(taker: typeof take) {
        take = taker
        return flowed.promise
      },
      close: ignore,
    })
    void relay.run(generation).then((outcome) => {
      run.finish()
      stream.end(outcome)
    })
  }

  function watch(one: Generated) {
    const { log } = one.run
    const { append, erase, onMore } = log
    log.append = (frames) => {
      for (const frame of frames) one.frames.push(createNumberer(log.id)(one.frames.length, frame))
      append(frames)
    }
    log.erase = () => {
      one.isErased = true
      erase()
    }
    log.onMore = (listener) => {
      one.listeners++
      const stop = onMore(listener)
      return () => {
        one.listeners--
        stop()
      }
    }
  }

  /** Adds a reader, as the routes do. */
  function view(one: Generated, after: number, leave = one.run.join()): Viewer {
    const sink = createFakeSink()
    const viewer = createViewer({
      log: one.run.log,
      after,
      sink,
      encoder: { opening: '<', heartbeat: '.' },
      heartbeatMs: 1e9,
      stallMs,
      now,
      toFrames: (error) => toFailureFrames(sse, error, ''),
      onEnd: (end) => leave(end === 'done'),
    })
    one.readers.push({ viewer, sink, after, isFull: false, hasLeft: false, seen: '' })
    return viewer
  }

  /** Gives the reason to a run that is open and has none yet. */
  function end(one: Generated, reason: string) {
    if (isOpen(one)) one.reason ??= reason
  }

  /** Compares the world with the reference. */
  function check() {
    for (const one of all) {
      const { run, frames, readers, stream, isBackground } = one
      // A terminal is the last frame, and there is one if the run is over.
      expect(frames.slice(0, -1).filter(codeOf)).toEqual([])
      const code = codeOf(frames.at(-1))
      expect(run.life.isFinished).toBe(code !== undefined)

      const isReadNow = readers.some(isReading)
      if (!isReadNow) one.silentSince ??= now()
      const silentMs = one.silentSince === undefined ? 0 : now() - one.silentSince
      const mayBeAbandoned = !isBackground && (silentMs >= graceMs || countAloneAtOnce(one.caller) > maxDetached)
      // A run ends for its reason, or because it was abandoned.
      if (isOpen(one) && code !== undefined) {
        if (one.reason === undefined) expect(mayBeAbandoned && !isReadNow).toBe(true)
        expect(code).toBe(one.reason ?? 'abandoned')
        one.endedAt = now()
        met.add(code)
      }
      // No run goes on after its reason, or after its grace.
      if (isOpen(one)) {
        expect(one.reason).toBeUndefined()
        if (!isBackground) expect(silentMs).toBeLessThan(graceMs)
      }
      if (isReadNow) one.silentSince = undefined
      expect(run.life.isDetached).toBe(isOpen(one) && !isReadNow)
      // Nothing stops the upstream without need, and whatever stops the run stops the upstream.
      expect(stream.signal.aborted).toBe(code !== undefined && !['done', 'upstream_failed'].includes(code))
      // The log of a finished run is erased in time, but not while it is read. A timer that is
      // set when the last reader is cut fires a millisecond later.
      const isExpired = one.endedAt !== undefined && !isReadNow && now() >= one.endedAt + keepMs
      if (one.isErased) expect(isExpired || one.reason === 'erased' || evicted.has(run.log.id)).toBe(true)
      else expect(isExpired && silentMs > 0).toBe(false)
      for (const reader of readers) checkReader(one, reader)
    }
    for (const { caller } of all) expect(countAlone(caller)).toBeLessThanOrEqual(maxDetached)
  }

  /** Each reader has a part of the log without a gap: nothing lost, nothing doubled. */
  function checkReader({ frames, run }: Generated, reader: Reader) {
    const { sink, after, isFull, hasLeft } = reader
    const seen = [frames.length, run.life.isFinished, sink.written.length, sink.ended, sink.wasCut, isFull].join(' ')
    if (seen === reader.seen) return
    reader.seen = seen
    const due = frames.slice(after + 1).join('')
    const text = sink.written.join('').slice('<'.length)
    const [, before] = /^([^]*?)event: failed\ndata: [^\n]*"log_dropped"[^\n]*\n\n$/.exec(text) ?? []
    expect(due.startsWith(before ?? text)).toBe(true)
    if (sink.wasCut > 0) met.add('stalled')
    if (before !== undefined) {
      met.add('log_dropped')
      const count = before.split('\n\n').length - 1
      expect(['dropped', 'beyond']).toContain(run.log.read(after + count))
    } else if (!isFull && !hasLeft && sink.wasCut === 0) {
      expect(text.length).toBe(due.length)
      expect(sink.ended > 0).toBe(run.life.isFinished)
    }
  }

  return { all, streams, start, view, end, check }
}
type World = ReturnType<typeof createWorld>

/** Each action gets random numbers, with which it chooses a run, a reader and a size. */
const actions = {
  start: ({ start }, i) => start(i % 3 ? 'a' : 'b', i % 5 === 0),
  token: (world, i, j) => pick(world.all, i)?.push({ type: 'delta', line: `{"x":"${'é'.repeat(j * 20)}"}`, chunk: {} }),
  tokens: (world, i, j) => {
    for (let k = 0; k < 30; k++) pick(world.all, i)?.push({ type: 'delta', line: `{"x":"${'é'.repeat(j * 10)}"}`, chunk: {} })
  },
  done({ all, end }, i) {
    const one = pick(all, i)
    if (!one) return
    end(one, 'done')
    one.push({ type: 'delta', line: '{"x":1}', chunk: {} }, { type: 'done', line: '{"done":true}', chunk: { done: true } })
  },
  fail({ all, end }, i) {
    const one = pick(all, i)
    if (!one) return
    end(one, 'upstream_failed')
    one.fail()
  },
  view({ all, view }, i, j) {
    const one = pick(all, i)
    if (!one) return
    // At any frame, and at times ahead of the log.
    const after = -1 + (j % (one.frames.length + 3))
    // The routes refuse a reader for whom there is nothing.
    const part = one.run.log.read(after)
    if (typeof part === 'object' && 'frames' in part && !(part.isEnd && part.frames === '')) view(one, after)
  },
  leave({ all }, i, j) {
    const reader = pick(pick(all, i)?.readers, j)
    if (!reader || !isReading(reader)) return
    reader.hasLeft = true
    reader.viewer.leave()
    reader.sink.drain() // a disconnect settles pending writes
  },
  leaveAll({ all }, i) {
    for (const reader of pick(all, i)?.readers.filter(isReading) ?? []) {
      reader.hasLeft = true
      reader.viewer.leave()
      reader.sink.drain()
    }
  },
  fill({ all }, i, j) {
    const reader = pick(pick(all, i)?.readers, j)
    if (!reader || !isReading(reader)) return
    reader.isFull = true
    reader.sink.fill()
  },
  readOn({ all }, i, j) {
    const reader = pick(pick(all, i)?.readers, j)
    if (!reader) return
    reader.isFull = false
    reader.sink.drain()
  },
  stop({ all, end }, i) {
    const one = pick(all, i)
    if (!one || one.isErased) return
    if (isOpen(one)) end(one, 'cancelled')
    else one.reason = 'erased'
    void one.run.stop()
    // The upstream stops, and the log ends, in this very call.
    expect(codeOf(one.frames.at(-1))).toBeDefined()
  },
  cancel({ all, end, streams }, i) {
    const one = pick(all, i)
    if (!one) return
    end(one, 'cancelled')
    streams.cancel({ requestId: one.stream.requestId, principal: one.caller })
  },
  drain({ all, end, streams }) {
    for (const one of all) end(one, 'shutting_down')
    void streams.drain(0)
  },
} satisfies Record<string, (world: World, i: number, j: number) => void>

const pick = <T>(list: readonly T[] | undefined, i: number): T | undefined => list?.[i % list.length]

const weights: Partial<Record<keyof typeof actions, number>> = { start: 5, token: 4, view: 3, fill: 2, leaveAll: 3 }
const step = fc.record({
  action: fc.oneof(
    ...(Object.keys(actions) as (keyof typeof actions)[])
      .filter((name) => name !== 'drain')
      .map((name) => ({ weight: weights[name] ?? 1, arbitrary: fc.constant(name) })),
  ),
  i: fc.nat(20),
  j: fc.nat(50),
  /** The time after the action, in steps. */
  pause: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(3) }),
})

/** A reader is cut in the millisecond in which the grace of two other runs is over. */
const stalledAsGraceEnds = (
  [
    ['start', 1, 0],
    ['start', 1, 0],
    ['start', 1, 0],
    ['fill', 3, 0],
    ['tokens', 3, 4],
    ['leaveAll', 1, 0],
    ['leaveAll', 2, 2],
  ] as const
).map(([action, i, pause]) => ({ action, i, j: 0, pause }))

describe('the whole life of runs', () => {
  test('is as the reference says, whatever happens in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.boolean(), async (steps, isDrained) => {
        vi.useFakeTimers({ now: 0 }) // a clock of its own for each history
        const world = createWorld()
        const { all, check } = world
        const pass = async (count: number) => {
          await vi.advanceTimersByTimeAsync(0)
          check()
          for (let k = 0; k < count; k++) {
            await vi.advanceTimersByTimeAsync(stepMs)
            check()
          }
        }
        world.start('a', false)
        await pass(0)
        for (const { action, i, j, pause } of steps) {
          actions[action](world, i, j)
          await pass(pause)
        }
        if (isDrained) actions.drain(world)
        await pass(0)
        // In the end all leave, and nothing is left: no run, no log, no timer and no listener.
        for (const [i, one] of all.entries()) {
          actions.leaveAll(world, i)
          await pass(0)
          if (isOpen(one) && one.isBackground) actions.stop(world, i)
          await pass(0)
        }
        await pass((graceMs + keepMs) / stepMs + 1)
        expect(all.every((one) => one.isErased && one.listeners === 0)).toBe(true)
        expect(vi.getTimerCount()).toBe(0)
      }),
      { numRuns: 300, examples: [[stalledAsGraceEnds, false]] },
    )
    // The histories are long enough to meet everything.
    const ends = ['done', 'upstream_failed', 'cancelled', 'abandoned', 'shutting_down']
    expect(met).toEqual(new Set([...ends, 'rate_limited', 'stalled', 'log_dropped']))
  })
})
