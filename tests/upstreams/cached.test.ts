import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createCached } from '../../src/upstreams/cached.ts'

const { signal } = new AbortController()

/** A call of `load`, which the test answers. */
type Load = PromiseWithResolvers<string> & { signal: AbortSignal }

let loads: Load[]
let get: (signal: AbortSignal) => Promise<string>

beforeEach(() => {
  vi.useFakeTimers()
  loads = []
  get = createCached({
    ttlMs: 100,
    limitMs: 5000,
    maxLoads: 2,
    now: () => performance.now(),
    load(signal) {
      const load = { ...Promise.withResolvers<string>(), signal }
      loads.push(load)
      return load.promise
    },
  })
})
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Calls `get` without waiting for the answer. The test checks a failure later. */
function ask(own = signal): Promise<string> {
  const asked = get(own)
  asked.catch(() => {})
  return asked
}

/** Calls `get` this many times. */
const askTimes = (count: number) => Array.from({ length: count }, () => ask())

/** Loads the first value. */
async function fill(value: string) {
  const first = ask()
  loads.at(-1)!.resolve(value)
  expect(await first).toBe(value)
}

describe('a cached value', () => {
  test('is loaded on the first call, with a signal that aborts with the caller’s', async () => {
    expect(loads).toHaveLength(0)
    const controller = new AbortController()
    const asked = ask(controller.signal)
    loads[0]!.resolve('a')
    expect(await asked).toBe('a')
    await pass(100)
    void ask(controller.signal)
    controller.abort('left')
    expect(loads[1]!.signal.reason).toBe('left')
  })

  test('is kept until its lifetime is over', async () => {
    await fill('a')
    await pass(99)
    expect(await get(signal)).toBe('a')
    expect(loads).toHaveLength(1)
    await pass(1)
    await fill('b')
    expect(loads).toHaveLength(2)
  })

  test('has a lifetime that begins with the end of its load, not with its start', async () => {
    const first = ask()
    await pass(500)
    loads[0]!.resolve('a')
    await first
    await pass(99)
    expect(await get(signal)).toBe('a')
    expect(loads).toHaveLength(1)
  })
})

describe('of 20 callers at once', () => {
  test('as many as the limit allows load the value, and the others wait for the first result', async () => {
    const callers = askTimes(20)
    await pass(0)
    expect(loads).toHaveLength(2)
    loads[1]!.resolve('b')
    await pass(0)
    expect(await Promise.all(callers.slice(1))).toEqual(Array(19).fill('b'))
    loads[0]!.resolve('a')
    expect(await callers[0]).toBe('a')
    expect(loads).toHaveLength(2)
  })

  test('each gets its own promise: no promise is shared (hazard 40)', async () => {
    const callers = askTimes(20)
    expect(new Set(callers).size).toBe(20)
    // The first load does not finish in this test.
    loads[1]!.resolve('b')
    expect(await Promise.all(callers.slice(1))).toEqual(Array(19).fill('b'))
    expect(await get(signal)).toBe('b')
  })

  test('as many as the limit allows refresh an old value', async () => {
    await fill('a')
    await pass(100)
    const callers = askTimes(20)
    await pass(0)
    expect(loads).toHaveLength(3)
    for (const load of loads) load.resolve('b')
    expect(await Promise.all(callers)).toEqual(Array(20).fill('b'))
  })

  test('those that wait get the error of a failed load, and no new load starts for them', async () => {
    const callers = askTimes(20)
    await pass(0)
    loads[0]!.reject(new Error('down'))
    for (const [i, caller] of callers.entries()) if (i !== 1) await expect(caller).rejects.toThrow('down')
    expect(loads).toHaveLength(2)
    loads[1]!.resolve('b')
    expect(await callers[1]).toBe('b')
  })

  test('all fail at the time limit, and no new load starts for them', async () => {
    const callers = askTimes(20)
    for (const { signal, reject } of loads) signal.addEventListener('abort', () => reject(signal.reason))
    await pass(4999)
    expect(await Promise.race([...callers, Promise.resolve('all wait')])).toBe('all wait')
    await pass(1)
    for (const caller of callers) await expect(caller).rejects.toMatchObject({ code: 'first_token_timeout', status: 504 })
    expect(loads).toHaveLength(2)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a failed load', () => {
  test('rejects for its caller, and is not kept', async () => {
    const first = ask()
    loads[0]!.reject(new Error('down'))
    await expect(first).rejects.toThrow('down')
    await fill('a')
  })

  test('counts as a running load for 100 ms, while its connection closes', async () => {
    for (const caller of askTimes(2)) {
      loads.at(-1)!.reject(new Error('down'))
      loads.at(-2)?.reject(new Error('down'))
      await expect(caller).rejects.toThrow('down')
    }
    const next = ask()
    await pass(99)
    expect(loads).toHaveLength(2)
    await pass(1)
    loads[2]!.resolve('c')
    expect(await next).toBe('c')
  })
})

describe('a caller that disconnects', () => {
  const aborting = ({ signal, reject }: Load) => signal.addEventListener('abort', () => reject(signal.reason))

  test('aborts its load, and a waiting caller starts a new one', async () => {
    const controller = new AbortController()
    const leaving = [ask(controller.signal), ask(controller.signal)]
    const callers = askTimes(18)
    loads.forEach(aborting)
    await pass(10)
    expect(loads).toHaveLength(2)
    controller.abort(new Error('left'))
    await pass(0)
    for (const caller of leaving) await expect(caller).rejects.toThrow('left')
    await pass(99)
    expect(loads).toHaveLength(2)
    await pass(1)
    expect(loads).toHaveLength(4)
    loads[2]!.resolve('c')
    expect(await Promise.race(callers)).toBe('c')
    loads[3]!.resolve('d')
    expect(new Set(await Promise.all(callers))).toEqual(new Set(['c', 'd']))
    expect(loads).toHaveLength(4)
  })

  test('while it waits is rejected at once, and leaves no timer and no listener behind', async () => {
    void askTimes(2)
    const controller = new AbortController()
    const remove = vi.spyOn(controller.signal, 'removeEventListener')
    const waiting = ask(controller.signal)
    await pass(0)
    controller.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    await expect(ask(controller.signal)).rejects.toThrow('left')
    expect(loads).toHaveLength(2)
    expect(remove).toHaveBeenCalled()
    // These are the timers of the two running loads.
    expect(vi.getTimerCount()).toBe(2)
  })
})

describe('a load that dies with its request (workerd)', () => {
  test('counts as running until its time limit, and then another caller starts a new load', async () => {
    void askTimes(2)
    await pass(2000)
    const late = ask()
    await pass(3099)
    expect(loads).toHaveLength(2)
    await pass(1)
    expect(loads).toHaveLength(3)
    loads[2]!.resolve('c')
    expect(await late).toBe('c')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('makes no caller wait longer than the time limit, the new load included', async () => {
    void askTimes(2)
    await pass(1000)
    const late = ask()
    await pass(4100)
    expect(loads).toHaveLength(3)
    await pass(899)
    expect(await Promise.race([late, Promise.resolve('it waits')])).toBe('it waits')
    expect(loads[2]!.signal.aborted).toBe(false)
    loads[2]!.signal.addEventListener('abort', () => loads[2]!.reject(loads[2]!.signal.reason))
    await pass(1)
    await expect(late).rejects.toMatchObject({ code: 'first_token_timeout' })
  })
})
