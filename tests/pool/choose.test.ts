import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { choose, type HostNow } from '../../src/pool/choose.ts'

const idle: HostNow = {
  tier: 1,
  weight: 1,
  max: Infinity,
  cap: Infinity,
  running: 0,
  busy: 0,
  hasModel: true,
  isWarm: false,
  residents: 0,
  isOpen: false,
  isTried: false,
  affinity: 0,
}
const first = () => 0

/** Returns the index of the chosen host. */
function chosen(hosts: readonly Partial<HostNow>[], random = first) {
  const all = hosts.map((host) => ({ ...idle, ...host }))
  const choice = choose(all, random)
  return typeof choice === 'string' ? choice : all.indexOf(choice)
}

describe('the choice', () => {
  test.each<[string, Partial<HostNow>[], number | 'wait' | 'none']>([
    ['has the model', [{ hasModel: false }, {}], 1],
    ['may have the model, if no host is known to', [{ hasModel: false }, { hasModel: undefined }], 1],
    ['is any, if none has the model', [{ hasModel: false, running: 1 }, { hasModel: false }], 1],
    ['is none that may have it but is down, if another lives', [{ hasModel: undefined, isOpen: true }, { hasModel: false }], 1],
    ['is the one with the model, even if it is down', [{ isOpen: true }, { hasModel: false }], 0],
    ['has a closed breaker', [{ isOpen: true, isWarm: true }, { running: 9 }], 1],
    ['is tried all the same, if all breakers are open', [{ isOpen: true, running: 1 }, { isOpen: true }], 1],
    ['is no second one with an open breaker', [{ isTried: true }, { isOpen: true }], 'none'],
    ['has a free place', [{ running: 1, max: 1, isWarm: true }, {}], 1],
    [
      'waits if all are full',
      [
        { running: 1, max: 1 },
        { running: 2, max: 2 },
      ],
      'wait',
    ],
    ['waits for a host with the model, though another is free', [{ running: 1, max: 1 }, { hasModel: false }], 'wait'],
    [
      'has the lowest tier',
      [
        { tier: 2, isWarm: true },
        { tier: 1, running: 9 },
      ],
      1,
    ],
    ['is in the next tier, if the lowest is full', [{ tier: 2 }, { tier: 1, running: 1, max: 1 }], 0],
    ['is warm', [{}, { running: 4, isWarm: true }], 1],
    ['is cold, if the warm ones are too busy', [{}, { running: 5, isWarm: true }], 0],
    ['is warm, if the load would take the place of another model', [{ residents: 1 }, { running: 8, isWarm: true }], 1],
    ['is cold, if that takes less time all the same', [{ residents: 1 }, { running: 9, isWarm: true }], 0],
    ['has the fewest other models, if none is warm', [{ residents: 1, affinity: 1 }, { running: 2 }], 1],
    ['fits the conversation', [{}, { running: 1, affinity: 1 }], 1],
    ['does not, if that host is two busier', [{}, { running: 2, affinity: 1 }], 0],
    ['is warm before it fits', [{ affinity: 1 }, { isWarm: true }], 1],
    ['is the least busy', [{ running: 2 }, { running: 1 }], 1],
    ['is the least busy for its weight', [{ running: 2 }, { running: 5, weight: 3 }], 1],
    ['counts a refusal as a running request', [{ busy: 2 }, { running: 1 }], 1],
    ['is not a host that recovers and has its one request', [{ running: 1, cap: 1 }, { running: 3 }], 1],
    ['does not wait for a host that is only busy', [{ busy: 1, max: 1 }], 0],
    ['does not wait for a host that only recovers', [{ running: 1, cap: 1 }], 0],
    [
      'waits for a full host rather than ask a busy one',
      [
        { busy: 1, max: 1 },
        { running: 1, max: 1 },
      ],
      'wait',
    ],
    ['is another than those that have failed', [{ isTried: true }, { running: 9 }], 1],
    ['is none, if all have failed', [{ isTried: true }, { isTried: true }], 'none'],
    ['is not one that says it lacks the model, after the one that has it', [{ isTried: true }, { hasModel: false }], 'none'],
  ])('%s', (_, hosts, expected) => {
    expect(chosen(hosts)).toBe(expected)
  })

  test('is at random between equals', () => {
    expect(chosen([{}, {}, {}], () => 0.99)).toBe(2)
    expect(chosen([{}, {}, {}], () => 0.5)).toBe(1)
  })

  test('keeps its rules for any hosts', () => {
    const arbitrary = fc.record({
      tier: fc.integer({ min: 0, max: 2 }),
      weight: fc.integer({ min: 1, max: 3 }),
      max: fc.constantFrom(1, 2, 4, Infinity),
      cap: fc.constantFrom(1, 2, Infinity),
      running: fc.nat(6),
      busy: fc.nat(2),
      hasModel: fc.constantFrom(true, false, undefined),
      isWarm: fc.boolean(),
      residents: fc.nat(2),
      isOpen: fc.boolean(),
      isTried: fc.boolean(),
      affinity: fc.constantFrom(0, 0.5, 1, 2),
    })
    fc.assert(
      fc.property(
        fc.array(arbitrary, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (hosts, at) => {
          const choice = choose(hosts, () => at)
          const having = hosts.filter(({ hasModel }) => hasModel === true)
          const isAlive = (host: HostNow) => !host.isTried && !host.isOpen
          if (choice === 'none') {
            expect((having.length > 0 ? having : hosts).some(isAlive)).toBe(false)
            return
          }
          if (choice === 'wait') {
            // Something must run, whose end lets the request go.
            expect(hosts.some(({ running, max, isTried }) => running >= max && !isTried)).toBe(true)
            return
          }
          expect(choice.isTried).toBe(false)
          expect(choice.running).toBeLessThan(choice.max)
          if (having.length > 0) expect(choice.hasModel).toBe(true)
          if (choice.isOpen) expect((having.length > 0 ? having : hosts).some(isAlive)).toBe(false)

          // No host that could do the same is better.
          const isCalm = ({ running, busy, max, cap }: HostNow) => running + busy < Math.min(max, cap)
          if (!isCalm(choice)) return
          const likes = hosts.filter(
            (host) => host.hasModel === choice.hasModel && host.isOpen === choice.isOpen && !host.isTried && isCalm(host),
          )
          expect(choice.tier).toBe(Math.min(...likes.map(({ tier }) => tier)))
          const ofTier = likes.filter(({ tier }) => tier === choice.tier)
          const toLoad = ({ running, busy, weight }: HostNow) => (running + busy) / weight
          const toLeast = (hosts: readonly HostNow[]) => Math.min(...hosts.map(toLoad))
          const cold = ofTier.filter(({ isWarm }) => !isWarm)
          const warm = ofTier.filter(
            (host) => host.isWarm && cold.every((other) => toLoad(host) <= toLoad(other) + 4 + 4 * other.residents),
          )
          const fewest = Math.min(...cold.map(({ residents }) => residents))
          const rivals = warm.length > 0 ? warm : cold.filter(({ residents }) => residents === fewest)
          expect(rivals).toContain(choice)
          if (toLoad(choice) === toLeast(rivals)) return
          expect(toLoad(choice)).toBeLessThanOrEqual(toLeast(rivals) + 1)
          expect(choice.affinity).toBe(Math.max(...rivals.map(({ affinity }) => affinity)))
        },
      ),
      { numRuns: 5000 },
    )
  })
})
