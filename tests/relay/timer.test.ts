import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTimer } from '../../src/relay/timer.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A timer, and the times at which it has fired. */
function create(startAt = 1000) {
  const start = Date.now()
  const now = () => startAt + Date.now() - start
  const fired: number[] = []
  const timer = createTimer(now, () => void fired.push(now()))
  return { timer, fired, now }
}

describe('a timer', () => {
  test.each([
    [1201, 1225],
    [2999, 3000],
    [3001, 3100],
    [9950, 10_000],
    [11_001, 11_200],
  ])(
    'due at %i fires at %i: on a grid that all streams share, of 25 ms within two seconds, 100 within ten, else 400',
    (due, at) => {
      const { timer, fired } = create(1000)
      timer.schedule(due)
      vi.advanceTimersByTime(at - 1000 - 1)
      expect(fired).toEqual([])
      vi.advanceTimersByTime(1)
      expect(fired).toEqual([at])
    },
  )

  test('fires at its time if that is on the grid', () => {
    const { timer, fired } = create(1050)
    timer.schedule(1200)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([1200])
  })

  test('fires once for each time that it is set', () => {
    const { timer, fired } = create()
    timer.schedule(1100)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([1100])
    timer.schedule(2500)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([1100, 2500])
  })

  test('is armed anew when something is due earlier', () => {
    const { timer, fired } = create()
    timer.schedule(5000)
    timer.schedule(1300)
    vi.advanceTimersByTime(10_000)
    expect(fired).toEqual([1300])
  })

  test('is not armed anew when the due time moves away: a token costs no timer', () => {
    const { timer, fired } = create()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    for (let due = 2000; due < 3000; due++) timer.schedule(due)
    expect(arm).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(10_000)
    // The timer fires at the first time that was scheduled. Its owner then schedules the new time.
    expect(fired).toEqual([2000])
  })

  test('is not armed anew when it is set to the same time, wherever that is on the grid', () => {
    const { timer } = create()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    for (let token = 0; token < 1000; token++) timer.schedule(5051)
    expect(arm).toHaveBeenCalledTimes(1)
  })

  test('never fires if nothing is due', () => {
    const { timer, fired } = create()
    timer.schedule(Infinity)
    vi.advanceTimersByTime(1e9)
    expect(fired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('fires in the next turn, not at once, for a time in the past', () => {
    const { timer, fired } = create()
    timer.schedule(500)
    expect(fired).toEqual([])
    vi.advanceTimersByTime(0)
    expect(fired).toEqual([1000])
  })

  test('does not fire after it is stopped, nor can it be armed again', () => {
    const { timer, fired } = create()
    timer.schedule(1100)
    timer.stop()
    timer.schedule(1050)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('can be set again from its own callback', () => {
    const fired: number[] = []
    const timer = createTimer(Date.now, () => {
      fired.push(Date.now())
      if (fired.length < 3) timer.schedule(Date.now() + 200)
    })
    vi.setSystemTime(0)
    timer.schedule(100)
    vi.advanceTimersByTime(10_000)
    expect(fired).toEqual([100, 300, 500])
  })

  test('does not overflow: for a time in months it wakes up earlier and is armed again', () => {
    const { timer } = create()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    timer.schedule(1e12)
    expect(arm.mock.calls[0]![1]).toBeLessThan(2 ** 31)
  })
})
