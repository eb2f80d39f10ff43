import { describe, expect, test } from 'vitest'
import { createKeptList } from '../../src/pool/kept-list.ts'
import type { Answer } from '../../src/upstreams/upstream.ts'

/** A list whose loads a test ends by hand. */
function create(random = 0.5) {
  let time = 0
  const loads: PromiseWithResolvers<Answer>[] = []
  const told: string[] = []
  const held: Promise<unknown>[] = []
  const list = createKeptList({
    load() {
      const load = Promise.withResolvers<Answer>()
      loads.push(load)
      return load.promise
    },
    onAnswer: ({ text }, askedAt) => void told.push(`${text} of ${askedAt}`),
    onFailure: () => void told.push('failed'),
    waitUntil: (promise) => void held.push(promise),
    now: () => time,
    random: () => random,
  })
  return {
    list,
    loads,
    told,
    held,
    at(ms: number) {
      time = ms
      list.refresh()
      return loads.length
    },
    async answer(text: string) {
      loads.at(-1)!.resolve({ text, value: {} })
      await Promise.all(held)
    },
    async fail() {
      loads.at(-1)!.reject(new Error('down'))
      await Promise.all(held)
    },
  }
}

describe('a kept list', () => {
  test('is loaded at once, and again when it is 30 s old, by one load at a time', async () => {
    const { list, at, answer, told } = create()
    expect([at(0), at(0), at(10)]).toEqual([1, 1, 1])
    expect(list.isHeard).toBe(false)
    await answer('a')
    expect([list.isHeard, list.answer?.text, told]).toEqual([true, 'a', ['a of 0']])
    expect([at(30_009), at(30_010), at(30_011)]).toEqual([1, 2, 2])
  })

  test.each([
    [0, 27_000],
    [1, 33_000],
  ])('has a jitter of a tenth: with %d it is old after %d ms', async (random, ms) => {
    const { at, answer } = create(random)
    at(0)
    await answer('a')
    expect([at(ms - 1), at(ms)]).toEqual([1, 2])
  })

  test('of a host that is down is asked for after 5 s, 10 s, 20 s, and then each 30 s', async () => {
    const { list, at, fail, answer, told } = create()
    at(0)
    let now = 0
    for (const [i, seconds] of [5, 10, 20, 30, 30].entries()) {
      await fail()
      expect([list.isHeard, list.answer]).toEqual([true, undefined])
      now += seconds * 1000
      expect([at(now - 1), at(now)]).toEqual([i + 1, i + 2])
    }
    await answer('b')
    expect(told).toEqual([...Array.from({ length: 5 }, () => 'failed'), `b of ${now}`])
    expect([at(now + 29_999), at(now + 30_000)]).toEqual([6, 7])
  })

  test('is old as soon as something has changed, also while it is loaded', async () => {
    const { list, at, answer } = create()
    at(0)
    list.expire()
    await answer('before')
    expect(at(1)).toBe(2)
    await answer('after')
    expect(at(2)).toBe(2)
    list.expire()
    expect(at(2)).toBe(3)
  })

  test('does not wait for a load that has died with its request (docs/hazards.md#40)', () => {
    const { at } = create()
    expect([at(0), at(10_499), at(10_500)]).toEqual([1, 1, 2])
  })

  test('can be loaded for a reader, who may leave', async () => {
    const { list, loads, told } = create()
    const controller = new AbortController()
    const loaded = list.load(controller.signal)
    controller.abort()
    loads[0]!.reject(new Error('left'))
    await expect(loaded).rejects.toThrow('left')
    expect([list.isHeard, told]).toEqual([false, []])
  })
})
