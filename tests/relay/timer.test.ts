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
  ])('due at %i fires at %i: on a grid that all streams share, of 25 ms within two seconds, else of 100', (due, at) => {
    const { timer, fired } = create(1000)
    timer.at(due)
    vi.advanceTimersByTime(at - 1000 - 1)
    expect(fired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(fired).toEqual([at])
  })

  test('fires at its time if that is on the grid', () => {
    const { timer, fired } = create(1050)
    timer.at(1200)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([1200])
  })

  test('fires once for each time that it is asked', () => {
    const { timer, fired } = create()
    timer.at(1100)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([1100])
    timer.at(2500)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([1100, 2500])
  })

  test('is armed anew when something is due earlier', () => {
    const { timer, fired } = create()
    timer.at(5000)
    timer.at(1300)
    vi.advanceTimersByTime(10_000)
    expect(fired).toEqual([1300])
  })

  test('is not armed anew when the due time moves away: a token costs no timer', () => {
    const { timer, fired } = create()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    for (let due = 2000; due < 3000; due++) timer.at(due)
    expect(arm).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(10_000)
    // The timer fires early, and then gets its new time.
    expect(fired).toEqual([2000])
  })

  test('is not armed anew when it is asked for the same, wherever that is on the grid', () => {
    const { timer } = create()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    for (let token = 0; token < 1000; token++) timer.at(5051)
    expect(arm).toHaveBeenCalledTimes(1)
  })

  test('never fires if nothing is due', () => {
    const { timer, fired } = create()
    timer.at(Infinity)
    vi.advanceTimersByTime(1e9)
    expect(fired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('fires in the next turn for what is past, not at once', () => {
    const { timer, fired } = create()
    timer.at(500)
    expect(fired).toEqual([])
    vi.advanceTimersByTime(0)
    expect(fired).toEqual([1000])
  })

  test('does not fire after it is stopped, nor can it be armed again', () => {
    const { timer, fired } = create()
    timer.at(1100)
    timer.stop()
    timer.at(1050)
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('can be asked again from its own call', () => {
    const fired: number[] = []
    const timer = createTimer(Date.now, () => {
      fired.push(Date.now())
      if (fired.length < 3) timer.at(Date.now() + 200)
    })
    vi.setSystemTime(0)
    timer.at(100)
    vi.advanceTimersByTime(10_000)
    expect(fired).toEqual([100, 300, 500])
  })

  test('does not overflow: what is due in months wakes up a little before and asks again', () => {
    const { timer } = create()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    timer.at(1e12)
    expect(arm.mock.calls[0]![1]).toBeLessThan(2 ** 31)
  })
})
