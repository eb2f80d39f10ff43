import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import type { RunLog } from '../../src/streams/run-log.ts'
import { createViewer, type ViewerEnd, type ViewerOptions } from '../../src/streams/viewer.ts'
import { createFakeSink } from '../relay/fake-sink.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Runs everything that can run now. */
const settle = () => vi.advanceTimersByTimeAsync(0)
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Counts the listeners of a log. */
function watch(log: RunLog) {
  const state = { log, listeners: 0, reads: 0 }
  const { onMore, read } = log
  log.onMore = (listener) => {
    state.listeners++
    const stop = onMore(listener)
    return () => {
      state.listeners--
      stop()
    }
  }
  log.read = (after) => {
    state.reads++
    return read(after)
  }
  return state
}

/** Makes the reads of a log asynchronous. They return what the log had when the read began. */
function slow(log: RunLog, ms = 0): RunLog {
  const { read } = log
  log.read = async (after) => {
    const part = await read(after)
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    return part
  }
  return log
}

/** Creates a log. A test appends texts, and each becomes a frame with a blank line behind it. */
function createLog(runBytes = 1e6): RunLog {
  const log = createMemoryLogs({ runBytes, totalBytes: 1e9 }).create()
  return { ...log, append: (texts) => log.append(texts.map((text) => `${text}\n\n`)) }
}

function start(
  log: RunLog,
  {
    after = -1,
    isFull = false,
    endsLate = false,
    ...more
  }: Partial<ViewerOptions> & {
    isFull?: boolean
    endsLate?: boolean
  } = {},
) {
  const watched = watch(log)
  const sink = createFakeSink({ endsLate })
  if (isFull) sink.fill()
  const ends: ViewerEnd[] = []
  const viewer = createViewer({
    log,
    after,
    sink,
    encoder: { opening: '<', heartbeat: '.' },
    heartbeatMs: 1000,
    stallMs: 3000,
    now: () => performance.now(),
    toFrames: ({ code }) => `!${code}`,
    onEnd: (end) => void ends.push(end),
    ...more,
  })
  return { viewer, sink, ends, watched }
}
type State = ReturnType<typeof start>
/** Returns what was written, without the ids of the frames. */
const textOf = ({ sink }: State) => sink.written.join('').replaceAll(/\nid: \w+\.\d+\n\n/g, '')

/** Expects that the viewer has ended once, and that no timer and no listener is left. */
async function expectOver(state: State, end: ViewerEnd) {
  await settle()
  expect(state.ends).toEqual([end])
  expect(state.watched.listeners).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
  const { length } = state.sink.written
  state.watched.log.append(['late'])
  state.viewer.say('late')
  await pass(10_000)
  expect(state.sink.written.length).toBe(length)
  expect(state.ends).toEqual([end])
}

describe('a viewer', () => {
  test('gets the opening, what is there, and each frame as it comes', async () => {
    const log = createLog()
    log.append(['a', 'b'])
    const state = start(log)
    const { id } = log
    expect(state.sink.written).toEqual(['<', `a\nid: ${id}.0\n\nb\nid: ${id}.1\n\n`])
    log.append(['c'])
    expect(state.sink.written).toEqual(['<', `a\nid: ${id}.0\n\nb\nid: ${id}.1\n\n`, `c\nid: ${id}.2\n\n`])
    log.append(['d'])
    log.close()
    expect(textOf(state)).toBe('<abcd')
    await settle()
    expect(state.sink.ended).toBe(1)
    await expectOver(state, 'done')
  })

  test('begins behind the frame that it names', async () => {
    const log = createLog()
    log.append(['a', 'b', 'c'])
    const state = start(log, { after: 1 })
    expect(textOf(state)).toBe('<c')
    log.close()
    await expectOver(state, 'done')
  })

  test('gets a finished log, and its end at once', async () => {
    const log = createLog()
    log.append(['a', 'b'])
    log.close()
    const state = start(log)
    expect(textOf(state)).toBe('<ab')
    await expectOver(state, 'done')
  })

  test('gets heartbeats in a silence, and none while there are frames', async () => {
    const log = createLog()
    const state = start(log)
    await pass(2500)
    expect(textOf(state)).toBe('<..')
    for (let i = 0; i < 8; i++) {
      log.append(['a'])
      await pass(500)
    }
    expect(textOf(state)).toBe('<..aaaaaaaa')
    await pass(1000)
    expect(textOf(state)).toBe('<..aaaaaaaa.')
    log.close()
    await expectOver(state, 'done')
  })

  test('reads with each heartbeat, as a call of `onMore` may be lost', async () => {
    const log = createLog()
    const state = start({ ...log, onMore: () => () => {} })
    log.append(['a'])
    log.close()
    expect(textOf(state)).toBe('<')
    await pass(1100)
    expect(textOf(state)).toBe('<.a')
    expect(state.ends).toEqual(['done'])
  })

  test('gets what is said to it alone, but not while it is behind, and not after the end', async () => {
    const log = createLog()
    const state = start(log)
    state.viewer.say('s')
    expect(textOf(state)).toBe('<s')
    state.sink.fill()
    log.append(['a'])
    state.viewer.say('t')
    state.sink.drain()
    await settle()
    log.append(['b'])
    expect(textOf(state)).toBe('<sab')
    log.close()
    state.viewer.say('u')
    expect(textOf(state)).toBe('<sab')
    await expectOver(state, 'done')
  })
})

describe('a slow viewer', () => {
  test('reads no more of the log than it can send', async () => {
    const log = createLog()
    for (let i = 0; i < 100; i++) log.append([`${i} ${'x'.repeat(4000)}`])
    const state = start(log, { isFull: true })
    const { length } = textOf(state)
    expect(length).toBeLessThan(20_000)
    for (let i = 0; i < 10; i++) log.append(['y'])
    await pass(2000)
    expect(textOf(state).length).toBe(length)
    state.sink.takeOne()
    await settle()
    expect(textOf(state).length).toBeGreaterThan(length)
    expect(textOf(state).length).toBeLessThan(40_000)
    state.sink.drain()
    await settle()
    expect(textOf(state).endsWith('y'.repeat(10))).toBe(true)
    log.close()
    await expectOver(state, 'done')
  })

  test('is cut if it reads nothing for too long, and gets no heartbeat before', async () => {
    const log = createLog()
    const state = start(log)
    state.sink.fill()
    log.append(['a'])
    await pass(2900)
    expect(state.sink.wasCut).toBe(0)
    await pass(200)
    expect(textOf(state)).toBe('<a')
    expect(state.sink).toMatchObject({ wasCut: 1, ended: 0 })
    await expectOver(state, 'stalled')
  })

  test('is not cut as long as it reads a little', async () => {
    const log = createLog()
    const state = start(log)
    state.sink.fill()
    for (let i = 0; i < 10; i++) {
      log.append([`${i}`])
      await pass(2000)
      state.sink.takeOne()
      await settle()
    }
    expect(state.sink.wasCut).toBe(0)
    expect(textOf(state).replaceAll('.', '')).toBe('<0123456789')
    state.viewer.leave()
    await expectOver(state, 'left')
  })

  test('is cut too if it does not take the end', async () => {
    const log = createLog()
    const state = start(log, { endsLate: true })
    log.append(['a'])
    log.close()
    await settle()
    expect(state.sink.ended).toBe(1)
    await pass(2900)
    expect(state.ends).toEqual([])
    await pass(200)
    expect(state.sink.wasCut).toBe(1)
    await expectOver(state, 'stalled')
  })

  test('is never cut without a limit', async () => {
    const log = createLog()
    const state = start(log, { stallMs: 0, isFull: true })
    log.append(['a'])
    await pass(1e7)
    expect(state.sink.wasCut).toBe(0)
    state.viewer.leave()
    await expectOver(state, 'left')
  })

  test('that the log has overtaken gets the failure `log_dropped`, behind whole frames', async () => {
    const log = createLog(50_000)
    const state = start(log)
    state.sink.fill()
    for (let i = 0; i < 100; i++) log.append([`(${i} ${'x'.repeat(4000)})`])
    state.sink.drain()
    await settle()
    expect(textOf(state)).toMatch(/^<\(0 x+\)!log_dropped$/)
    expect(state.sink).toMatchObject({ ended: 1, wasCut: 0 })
    await expectOver(state, 'done')
  })
})

describe('a viewer that leaves', () => {
  test('gets nothing more', async () => {
    const log = createLog()
    log.append(['a'])
    const state = start(log)
    state.viewer.leave()
    expect(textOf(state)).toBe('<a')
    await expectOver(state, 'left')
  })

  test('while it is full gets nothing more either', async () => {
    const log = createLog()
    log.append(['a'])
    const state = start(log, { isFull: true })
    log.append(['b'])
    state.viewer.leave()
    state.sink.takeOne() // a disconnect settles the pending write
    log.append(['c'])
    await settle()
    expect(textOf(state)).not.toContain('c')
    await expectOver(state, 'left')
  })

  test('before it has taken the end has left', async () => {
    const log = createLog()
    log.append(['a'])
    log.close()
    const state = start(log, { endsLate: true })
    state.viewer.leave()
    state.sink.drain()
    await expectOver(state, 'left')
  })

  test('in the middle of a read gets nothing more', async () => {
    const log = slow(createLog(), 100)
    log.append(['a'])
    const state = start(log)
    state.viewer.leave()
    await pass(1000)
    expect(textOf(state)).toBe('<')
    await expectOver(state, 'left')
  })
})

describe('a viewer of a log that is erased', () => {
  test('gets `log_dropped` if it is behind', async () => {
    const log = createLog()
    const state = start(log)
    state.sink.fill()
    log.append(['a'])
    log.append(['b'])
    log.close()
    log.erase()
    state.sink.drain()
    await settle()
    expect(textOf(state)).toBe('<a!log_dropped')
    await expectOver(state, 'done')
  })

  test('gets `log_dropped` if there was no frame yet', async () => {
    const log = createLog()
    const state = start(log)
    log.erase()
    expect(textOf(state)).toBe('<!log_dropped')
    await expectOver(state, 'done')
  })

  test('ends cleanly if it has everything', async () => {
    const log = createLog()
    log.append(['a'])
    const state = start(log, { endsLate: true })
    log.close()
    log.erase()
    state.sink.drain()
    expect(textOf(state)).toBe('<a')
    await expectOver(state, 'done')
  })

  test('gets `log_dropped` if it waited ahead, and the log ends before its place', async () => {
    const log = createLog()
    const state = start(log, { after: 5 })
    log.append(['a'])
    expect(textOf(state)).toBe('<')
    log.close()
    expect(textOf(state)).toBe('<!log_dropped')
    await expectOver(state, 'done')
  })
})

describe('a viewer of an asynchronous log', () => {
  test('gets each frame once, also those that come during a read', async () => {
    const log = slow(createLog(), 10)
    log.append(['a'])
    const state = start(log)
    for (let i = 0; i < 20; i++) {
      log.append([`${i},`])
      await pass(i)
    }
    log.close()
    await pass(100)
    expect(textOf(state)).toBe(`<a${Array.from({ length: 20 }, (_, i) => `${i},`).join('')}`)
    await expectOver(state, 'done')
  })

  test('does not read without need', async () => {
    const log = slow(createLog())
    const state = start(log)
    await settle()
    const { reads } = state.watched
    expect(reads).toBeLessThanOrEqual(2)
    await pass(900)
    expect(state.watched.reads).toBe(reads)
    log.append(['a'])
    await settle()
    expect(textOf(state)).toBe('<a')
    state.viewer.leave()
    await expectOver(state, 'left')
  })

  test('gets heartbeats while a read takes long', async () => {
    const log = slow(createLog(), 2500)
    const state = start(log)
    await pass(2400)
    expect(textOf(state)).toBe('<..')
    state.viewer.leave()
    await pass(10_000)
    await expectOver(state, 'left')
  })
})
