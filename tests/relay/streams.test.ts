import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Progress, Stream } from '../../src/relay/stream.ts'
import { createStreams } from '../../src/relay/streams.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => (settled = true))
  await vi.advanceTimersByTimeAsync(0)
  return settled
}

const mine = { requestId: 'id', principal: 'me', signal: new AbortController().signal }

/** Ends a stream, and waits until its place is free. */
async function end(stream: Stream) {
  stream.end()
  await stream.ended
}

describe('streams', () => {
  test('are limited to the allowed number', async () => {
    const streams = createStreams({ max: 2 })
    streams.start(mine)
    const second = streams.start(mine)
    expect(() => streams.start(mine)).toThrow(
      expect.objectContaining({ code: 'too_many_streams', status: 503, retryAfterSeconds: 5 }),
    )
    await end(second)
    streams.start(mine)
  })

  test('release their place once, however often they end', async () => {
    const streams = createStreams({ max: 2 })
    const stream = streams.start(mine)
    await end(stream)
    await end(stream)
    streams.start(mine)
    streams.start(mine)
    expect(() => streams.start(mine)).toThrow()
  })

  test('that were refused take no place, and listen to no signal', async () => {
    const streams = createStreams({ max: 1 })
    const stream = streams.start(mine)
    const listen = vi.spyOn(mine.signal, 'addEventListener')
    expect(() => streams.start(mine)).toThrow()
    expect(listen).not.toHaveBeenCalled()
    await end(stream)
    streams.start(mine)
  })
})

describe('cancelling', () => {
  test('ends every stream of the request id, and no other, with cancelled', async () => {
    const streams = createStreams({ max: 5 })
    const [a, b] = [streams.start(mine), streams.start(mine)]
    const other = streams.start({ ...mine, requestId: 'other' })
    expect(streams.cancel(mine)).toBe(true)
    await vi.advanceTimersByTimeAsync(0)
    for (const { signal } of [a, b]) expect(signal.reason).toMatchObject({ code: 'cancelled', status: 499 })
    expect(other.signal.aborted).toBe(false)
  })

  test('ends nothing of another principal, who may know the id', async () => {
    const streams = createStreams({ max: 5 })
    const stream = streams.start(mine)
    expect(streams.cancel({ ...mine, principal: 'other' })).toBe(false)
    expect(streams.cancel({ ...mine, principal: '' })).toBe(false)
    await vi.advanceTimersByTimeAsync(0)
    expect(stream.signal.aborted).toBe(false)
  })

  test('returns false for a stream that is over, or never existed', async () => {
    const streams = createStreams({ max: 5 })
    await end(streams.start(mine))
    expect([streams.cancel(mine), streams.cancel({ ...mine, requestId: '' })]).toEqual([false, false])
  })
})

describe('revoking', () => {
  test('ends every stream of the principals, and no other, with unauthorized, in a later microtask (hazard 74)', async () => {
    const streams = createStreams({ max: 5 })
    const [a, b] = [streams.start(mine), streams.start({ ...mine, principal: 'you', requestId: 'other' })]
    const other = streams.start({ ...mine, principal: 'other' })
    streams.revoke(new Set(['me', 'you']))
    expect(a.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(0)
    for (const { signal } of [a, b]) expect(signal.reason).toMatchObject({ code: 'unauthorized', status: 401 })
    expect(other.signal.aborted).toBe(false)
  })

  test('also refuses a stream whose request came before', () => {
    let isValid = true
    const streams = createStreams({ max: 1, isValid: (name) => name === 'me' && isValid })
    streams.start(mine).end()
    isValid = false
    expect(() => streams.start(mine)).toThrow(expect.objectContaining({ code: 'unauthorized' }))
  })
})

describe('a drain', () => {
  test('is over at once if there is no stream', async () => {
    const streams = createStreams({ max: 1 })
    await streams.drain(1000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('refuses new streams with shutting_down', () => {
    const streams = createStreams({ max: 5 })
    streams.start(mine)
    expect(streams.isDraining).toBe(false)
    void streams.drain(1000)
    expect(streams.isDraining).toBe(true)
    expect(() => streams.start(mine)).toThrow(
      expect.objectContaining({ code: 'shutting_down', status: 503, retryAfterSeconds: 5 }),
    )
  })

  test('is over when the last stream ends, and stops no stream that ends in time', async () => {
    const streams = createStreams({ max: 5 })
    const [first, last] = [streams.start(mine), streams.start(mine)]
    const drained = streams.drain(1000)
    vi.advanceTimersByTime(500)
    first.end()
    expect(await isSettled(drained)).toBe(false)
    last.end()
    expect(await isSettled(drained)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(5000)
    for (const { signal } of [first, last]) expect(signal.aborted).toBe(false)
  })

  test('ends the open streams after the grace with shutting_down, and waits for them', async () => {
    const streams = createStreams({ max: 5 })
    const early = streams.start(mine)
    await end(early)
    const late = streams.start(mine)
    const drained = streams.drain(1000)
    vi.advanceTimersByTime(999)
    expect(late.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(late.signal.reason).toMatchObject({ code: 'shutting_down' })
    expect(early.signal.aborted).toBe(false)
    expect(await isSettled(drained)).toBe(false)
    late.end()
    expect(await isSettled(drained)).toBe(true)
  })
})

describe('the list of open streams', () => {
  const tally = { firstDeltaAt: undefined, deltas: 0, done: undefined }
  const toProgress = (progress: Partial<Progress> = {}): Progress => ({ waiting: undefined, startedAt: 5, tally, ...progress })

  test('has the generations alone, as they are when it is read, until they end', async () => {
    const streams = createStreams({ max: 5 })
    streams.start(mine) // answers a question
    const stream = streams.start(mine)
    const [notes, counted] = [{ surface: 'openai', model: 'gemma3' }, { ...tally }]
    stream.watched = { notes, progress: toProgress({ waiting: 'queued', tally: counted }), isDetached: undefined }
    const first = {
      requestId: 'id',
      principal: 'me',
      surface: 'openai',
      model: 'gemma3',
      host: undefined,
      state: 'queued',
      tokens: 0,
      startedAt: 5,
      firstTokenAt: undefined,
    }
    expect(streams.list()).toEqual([first])
    Object.assign(notes, { host: 'big' })
    Object.assign(counted, { firstDeltaAt: 9, deltas: 3 })
    expect(streams.list()).toEqual([{ ...first, host: 'big', state: 'streaming', tokens: 3, firstTokenAt: 9 }])
    await end(stream)
    expect(streams.list()).toEqual([])
  })

  test.each<[state: string, progress: Partial<Progress>, isDetached: boolean]>([
    ['waiting', {}, false],
    ['loading', { waiting: 'loading' }, false],
    ['evaluating', { waiting: 'evaluating' }, false],
    ['streaming', { waiting: 'evaluating', tally: { ...tally, firstDeltaAt: 0 } }, false],
    ['detached', { waiting: 'queued' }, true],
    ['detached', { tally: { ...tally, firstDeltaAt: 7 } }, true],
  ])('says %s for %j', (state, progress, isDetached) => {
    const streams = createStreams({ max: 1 })
    streams.start(mine).watched = { notes: {}, progress: toProgress(progress), isDetached: () => isDetached }
    expect(streams.list()).toMatchObject([{ state }])
  })
})
