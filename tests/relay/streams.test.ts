import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
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

const mine = { requestId: 'id', principal: 'me' }

describe('streams', () => {
  test('are as many as allowed, and no more', () => {
    const streams = createStreams({ max: 2 })
    streams.enter(mine, new AbortController())
    const exit = streams.enter(mine, new AbortController())
    expect(() => streams.enter(mine, new AbortController())).toThrow(
      expect.objectContaining({ code: 'too_many_streams', status: 503, retryAfterSeconds: 5 }),
    )
    exit()
    streams.enter(mine, new AbortController())
  })

  test('give up their place once, however often they say so', () => {
    const streams = createStreams({ max: 2 })
    const exit = streams.enter(mine, new AbortController())
    exit()
    exit()
    streams.enter(mine, new AbortController())
    streams.enter(mine, new AbortController())
    expect(() => streams.enter(mine, new AbortController())).toThrow()
  })

  test('that were refused take no place', () => {
    const streams = createStreams({ max: 1 })
    const exit = streams.enter(mine, new AbortController())
    expect(() => streams.enter(mine, new AbortController())).toThrow()
    exit()
    streams.enter(mine, new AbortController())
  })
})

describe('cancelling', () => {
  test('ends every stream of the request id, and no other, with cancelled', async () => {
    const streams = createStreams({ max: 5 })
    const [a, b, other] = [new AbortController(), new AbortController(), new AbortController()]
    streams.enter(mine, a)
    streams.enter(mine, b)
    streams.enter({ ...mine, requestId: 'other' }, other)
    expect(streams.cancel(mine)).toBe(true)
    await vi.advanceTimersByTimeAsync(0)
    for (const { signal } of [a, b]) expect(signal.reason).toMatchObject({ code: 'cancelled', status: 499 })
    expect(other.signal.aborted).toBe(false)
  })

  test('ends nothing of another principal, who may know the id', async () => {
    const streams = createStreams({ max: 5 })
    const controller = new AbortController()
    streams.enter(mine, controller)
    expect(streams.cancel({ ...mine, principal: 'other' })).toBe(false)
    expect(streams.cancel({ ...mine, principal: '' })).toBe(false)
    await vi.advanceTimersByTimeAsync(0)
    expect(controller.signal.aborted).toBe(false)
  })

  test('finds nothing once a stream is over, and where there was none', () => {
    const streams = createStreams({ max: 5 })
    streams.enter(mine, new AbortController())()
    expect([streams.cancel(mine), streams.cancel({ ...mine, requestId: '' })]).toEqual([false, false])
  })
})

describe('a drain', () => {
  test('is over at once if there is no stream', async () => {
    const streams = createStreams({ max: 1 })
    await streams.drain(1000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('takes no more', () => {
    const streams = createStreams({ max: 5 })
    streams.enter(mine, new AbortController())
    expect(streams.isDraining).toBe(false)
    void streams.drain(1000)
    expect(streams.isDraining).toBe(true)
    expect(() => streams.enter(mine, new AbortController())).toThrow(
      expect.objectContaining({ code: 'shutting_down', status: 503, retryAfterSeconds: 5 }),
    )
  })

  test('is over when the last stream is, and aborts none of those that end in time', async () => {
    const streams = createStreams({ max: 5 })
    const controllers = [new AbortController(), new AbortController()]
    const exits = controllers.map((controller) => streams.enter(mine, controller))
    const drained = streams.drain(1000)
    vi.advanceTimersByTime(500)
    exits[0]!()
    expect(await isSettled(drained)).toBe(false)
    exits[1]!()
    expect(await isSettled(drained)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(5000)
    expect(controllers.map(({ signal }) => signal.aborted)).toEqual([false, false])
  })

  test('ends what is left after the grace with shutting_down, and waits for it', async () => {
    const streams = createStreams({ max: 5 })
    const [early, late] = [new AbortController(), new AbortController()]
    streams.enter(mine, early)()
    const exit = streams.enter(mine, late)
    const drained = streams.drain(1000)
    vi.advanceTimersByTime(999)
    expect(late.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(late.signal.reason).toMatchObject({ code: 'shutting_down' })
    expect(early.signal.aborted).toBe(false)
    expect(await isSettled(drained)).toBe(false)
    exit()
    expect(await isSettled(drained)).toBe(true)
  })
})
