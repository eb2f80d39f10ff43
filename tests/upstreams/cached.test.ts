import { beforeEach, describe, expect, test } from 'vitest'
import { createCached } from '../../src/upstreams/cached.ts'

const { signal } = new AbortController()

/** What `load` was asked for, to be answered by the test. */
type Load = PromiseWithResolvers<string> & { signal: AbortSignal }

let now: number
let loads: Load[]
let get: (signal: AbortSignal) => Promise<string>

beforeEach(() => {
  now = 1000
  loads = []
  get = createCached({
    ttlMs: 100,
    now: () => now,
    load(signal) {
      const load = { ...Promise.withResolvers<string>(), signal }
      loads.push(load)
      return load.promise
    },
  })
})

/** Loads the first value. */
async function fill(value: string) {
  const first = get(signal)
  loads.at(-1)!.resolve(value)
  expect(await first).toBe(value)
}

describe('a cached value', () => {
  test('is loaded when it is asked for, with the signal of who asks', async () => {
    expect(loads).toHaveLength(0)
    const { signal } = new AbortController()
    const asked = get(signal)
    expect(loads[0]!.signal).toBe(signal)
    loads[0]!.resolve('a')
    expect(await asked).toBe('a')
  })

  test('is kept until it is as old as its time', async () => {
    await fill('a')
    now += 99
    expect(await get(signal)).toBe('a')
    expect(loads).toHaveLength(1)
    now += 1
    await fill('b')
    expect(loads).toHaveLength(2)
  })

  test('is as old as its answer, not as its question', async () => {
    const first = get(signal)
    now += 500
    loads[0]!.resolve('a')
    await first
    now += 99
    expect(await get(signal)).toBe('a')
    expect(loads).toHaveLength(1)
  })

  test('is refreshed by one caller while the others use the old one', async () => {
    await fill('a')
    now += 100
    const refreshing = get(signal)
    expect(await get(signal)).toBe('a')
    expect(await get(signal)).toBe('a')
    expect(loads).toHaveLength(2)
    loads[1]!.resolve('b')
    expect(await refreshing).toBe('b')
    expect(await get(signal)).toBe('b')
  })

  test('is refreshed by the next one, if the refresh is not back after 5 s: its request has died', async () => {
    await fill('a')
    now += 100
    void get(signal)
    now += 4999
    expect(await get(signal)).toBe('a')
    now += 1
    const second = get(signal)
    expect(loads).toHaveLength(3)
    loads[2]!.resolve('c')
    expect(await second).toBe('c')
  })

  test('is asked for by each caller as long as there is none: no promise is shared (hazard 40)', async () => {
    const [first, second] = [get(signal), get(signal)]
    expect(loads).toHaveLength(2)
    loads[1]!.resolve('b') // the first one never comes back
    expect(await second).toBe('b')
    expect(await get(signal)).toBe('b')
    loads[0]!.resolve('a')
    expect(await first).toBe('a')
  })
})

describe('a failed load', () => {
  test('is told to who asked, and is not kept', async () => {
    const first = get(signal)
    loads[0]!.reject(new Error('down'))
    await expect(first).rejects.toThrow('down')
    await fill('a')
  })

  test('leaves the old value, and lets the next one try', async () => {
    await fill('a')
    now += 100
    const refreshing = get(signal)
    expect(await get(signal)).toBe('a')
    loads[1]!.reject(new Error('down'))
    await expect(refreshing).rejects.toThrow('down')
    const next = get(signal)
    expect(loads).toHaveLength(3)
    loads[2]!.resolve('b')
    expect(await next).toBe('b')
  })
})
