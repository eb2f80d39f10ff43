import { expect, test } from 'vitest'
import { createLife, type Life } from '../../src/streams/life.ts'

const options = { graceMs: 100, keepMs: 50 }

/** What happens to a life, and the results of `tick`. The numbers are times. */
type Step =
  | readonly [at: number, what: 'join' | 'leave' | 'finish']
  | readonly [at: number, what: 'tick', action: 'abandon' | 'erase' | undefined]

const lives: Record<string, { steps: Step[]; due: number; state: Partial<Life>; graceMs?: number; keepMs?: number }> = {
  'that nobody joins is abandoned when its grace is over': {
    steps: [
      [99, 'tick', undefined],
      [100, 'tick', 'abandon'],
    ],
    due: 100,
    state: { isFinished: false, isDetached: true, viewers: 0, detachedMs: 0 },
  },
  'with a viewer has no end': {
    steps: [
      [10, 'join'],
      [1e9, 'tick', undefined],
    ],
    due: Infinity,
    state: { isFinished: false, isDetached: false, viewers: 1, detachedMs: 10 },
  },
  'has a new grace after each viewer': {
    steps: [
      [0, 'join'],
      [1000, 'leave'],
      [1099, 'tick', undefined],
      [1099, 'join'],
      [5000, 'tick', undefined],
      [6000, 'leave'],
      [6099, 'tick', undefined],
      [6100, 'tick', 'abandon'],
    ],
    due: 6100,
    state: { isDetached: true, viewers: 2, detachedMs: 99 },
  },
  'is detached only when the last viewer has left': {
    steps: [
      [0, 'join'],
      [1, 'join'],
      [2, 'leave'],
      [1000, 'tick', undefined],
    ],
    due: Infinity,
    state: { isDetached: false, viewers: 2, detachedMs: 0 },
  },
  'that is finished is kept for a while, and then erased': {
    steps: [
      [0, 'join'],
      [10, 'leave'],
      [30, 'finish'],
      [79, 'tick', undefined],
      [80, 'tick', 'erase'],
    ],
    due: 80,
    state: { isFinished: true, isDetached: false, viewers: 1, detachedMs: 20 },
  },
  'that finishes twice has finished the first time': {
    steps: [
      [0, 'finish'],
      [40, 'finish'],
      [50, 'tick', 'erase'],
    ],
    due: 50,
    state: { isFinished: true },
  },
  'that is finished is not erased as long as a viewer reads': {
    steps: [
      [0, 'join'],
      [10, 'finish'],
      [1e6, 'tick', undefined],
      [1e6, 'leave'],
      [1e6, 'tick', 'erase'],
    ],
    due: 60,
    state: { isFinished: true, isDetached: false, detachedMs: 0 },
  },
  'that a viewer joins when it is finished is kept until this viewer has left': {
    steps: [
      [0, 'finish'],
      [49, 'join'],
      [100, 'tick', undefined],
      [100, 'leave'],
      [100, 'tick', 'erase'],
    ],
    due: 50,
    state: { viewers: 1, isDetached: false, detachedMs: 0 },
  },
  'in the background has no grace': {
    graceMs: Infinity,
    steps: [
      [1e12, 'tick', undefined],
      [1e12, 'join'],
      [1e12, 'leave'],
      [1e13, 'tick', undefined],
    ],
    due: Infinity,
    state: { isDetached: true, viewers: 1 },
  },
  'that is kept for no time is erased when it is finished': {
    keepMs: 0,
    steps: [
      [5, 'finish'],
      [5, 'tick', 'erase'],
    ],
    due: 5,
    state: { isFinished: true },
  },
}

test.each(Object.entries(lives))('a life %s', (_, { steps, due, state, ...more }) => {
  const life = createLife({ ...options, ...more }, 0)
  for (const [at, what, action] of steps) {
    const dueBefore = life.due
    if (what === 'tick') {
      expect(life.tick(at), `at ${at}`).toBe(action)
      expect(dueBefore <= at, 'a tick has a result if, and only if, it is due').toBe(action !== undefined)
    } else life[what](at)
  }
  expect(life.due).toBe(due)
  expect(life).toMatchObject(state)
})
