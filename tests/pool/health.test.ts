import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHealth } from '../../src/pool/health.ts'

describe('the health of a host', () => {
  test('is good at first', () => {
    const health = createHealth()
    expect([health.isUp, health.cap, health.toBreaker(0)]).toEqual([true, Infinity, 'closed'])
  })

  test('opens the breaker at the third failure without a whole answer, for longer each time', () => {
    const health = createHealth()
    health.failed(0)
    health.failed(0)
    expect([health.isUp, health.toBreaker(0)]).toEqual([false, 'closed'])
    health.failed(0)
    let now = 0
    for (const seconds of [5, 10, 20, 40, 60, 60]) {
      expect(health.toBreaker(now + seconds * 1000 - 1)).toBe('open')
      now += seconds * 1000
      expect([health.toBreaker(now), health.cap]).toEqual(['half_open', 1])
      health.failed(now) // the one request that tries it
    }
  })

  test('is good again after a whole answer, and its failures are forgotten', () => {
    const health = createHealth()
    for (let i = 0; i < 3; i++) health.failed(0)
    health.began()
    expect([health.isUp, health.toBreaker(0)]).toEqual([true, 'closed'])
    health.failed(0)
    expect(health.toBreaker(0)).toBe('open') // it has begun, but never finished
    health.began()
    health.finished()
    health.failed(0)
    health.failed(0)
    expect(health.toBreaker(0)).toBe('closed')
  })

  test('starts slowly: one request, then two, four, eight, and any number', () => {
    const health = createHealth()
    health.lost()
    health.heard()
    const caps = Array.from({ length: 5 }, () => {
      const { cap } = health
      health.began()
      return cap
    })
    expect(caps).toEqual([1, 2, 4, 8, Infinity])
  })

  test('of a host that cannot be reached waits for its lists, however long', () => {
    const health = createHealth()
    health.lost()
    expect(health.toBreaker(Number.MAX_SAFE_INTEGER)).toBe('open')
    health.heard()
    expect([health.isUp, health.toBreaker(0)]).toEqual([true, 'half_open'])
  })

  test('is not proved by a list, if generations fail', () => {
    const health = createHealth()
    for (let i = 0; i < 3; i++) health.failed(0)
    health.heard()
    expect([health.isUp, health.toBreaker(0)]).toEqual([false, 'open'])
  })

  test('opens once for a crowd that is cut in one moment', () => {
    const health = createHealth()
    for (let i = 0; i < 200; i++) health.failed(0)
    expect(health.toBreaker(5000)).toBe('half_open')
  })

  test('agrees with a reference for any history', () => {
    const step = fc.tuple(fc.constantFrom('began', 'finished', 'failed', 'lost', 'heard'), fc.nat(40_000))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const health = createHealth()
        // The reference keeps a list of what happened since the last whole answer.
        let until = 0
        let isLost = false
        let successes: number | undefined
        let failures = 0
        let opened = 0
        let now = 0
        for (const [what, ms] of steps) {
          now += ms
          const isOpen = isLost || now < until
          if (what === 'failed') {
            failures++
            health.failed(now)
            if (!isOpen && (failures >= 3 || successes === 0)) {
              until = now + Math.min(60_000, 5000 * 2 ** opened++)
              successes = 0
            }
          } else {
            health[what]()
            if (what === 'finished') failures = opened = 0
            if (what === 'lost') isLost = true
            if (what === 'lost') successes = 0
            if (what === 'heard' && isLost) [isLost, until] = [false, 0]
            if (what === 'began') [isLost, until, successes] = [false, 0, successes === undefined ? undefined : successes + 1]
            if (successes === 4) successes = undefined
          }
          expect(health.cap).toBe(successes === undefined ? Infinity : 2 ** successes)
          expect(health.toBreaker(now)).toBe(isLost || now < until ? 'open' : successes === 0 ? 'half_open' : 'closed')
        }
      }),
      { numRuns: 2000 },
    )
  })
})
