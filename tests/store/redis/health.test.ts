import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHealth, type Health } from '../../../src/store/redis/health.ts'

/** Sends a command at `at`, which takes `tookMs`. */
function ask(health: Health, at: number, tookMs: number) {
  health.send(at)
  health.answer(at + tookMs)
}

function connected(): Health {
  const health = createHealth()
  health.connect(true)
  return health
}

/** A Redis with three slow commands. The last one is answered at 1000. */
function slow(): Health {
  const health = connected()
  for (const at of [700, 800, 900]) ask(health, at, 100)
  return health
}

describe('Redis is ready', () => {
  test('as long as there is a connection', () => {
    const health = createHealth()
    expect(health.isReady(0)).toBe(false)
    health.connect(true)
    expect(health.isReady(0)).toBe(true)
    health.disconnect()
    expect(health.isReady(0)).toBe(false)
    health.connect(true)
    expect(health.isReady(0)).toBe(true)
  })

  test('after two slow commands, and after a quick one between slow ones', () => {
    const health = connected()
    for (const [at, tookMs] of [
      [0, 51],
      [100, 51],
      [200, 50],
      [300, 51],
      [400, 51],
    ] as const)
      ask(health, at, tookMs)
    expect(health.isReady(500)).toBe(true)
  })

  test('while commands wait no longer than 50 ms', () => {
    const health = connected()
    for (let i = 0; i < 100; i++) health.send(i / 10)
    expect(health.isReady(50)).toBe(true)
  })
})

describe('Redis is not ready', () => {
  test('after three slow commands in a row', () => {
    expect(slow().isReady(1000)).toBe(false)
  })

  test('after three commands in a row without an answer', () => {
    const health = connected()
    for (const at of [0, 1, 2]) health.send(at)
    for (let i = 0; i < 3; i++) health.fail()
    expect(health.isReady(3)).toBe(false)
  })

  test('as soon as three commands are late, although none has an answer yet', () => {
    const health = connected()
    for (const at of [0, 10, 20]) health.send(at)
    expect(health.isReady(70)).toBe(true)
    expect(health.isReady(71)).toBe(false)
  })

  test('as soon as one command is late after two slow ones', () => {
    const health = connected()
    ask(health, 0, 100)
    ask(health, 100, 100)
    health.send(200)
    expect(health.isReady(250)).toBe(true)
    expect(health.isReady(251)).toBe(false)
  })

  test('once it says that it cannot do its work, or accepts no write at the start of a connection', () => {
    const refusing = connected()
    refusing.refuse()
    expect(refusing.isReady(0)).toBe(false)
    const full = createHealth()
    full.connect(false)
    expect(full.isReady(0)).toBe(false)
  })
})

describe('a Redis that was slow', () => {
  test('is ready again when quick commands span a second', () => {
    const health = slow()
    ask(health, 1000, 10)
    ask(health, 1999, 10)
    expect(health.isReady(2009)).toBe(false)
    ask(health, 2000, 10)
    expect(health.isReady(2010)).toBe(true)
  })

  test.each(['a slow command', 'a refusal', 'a lost connection'])('begins the second anew after %s', (what) => {
    const health = slow()
    ask(health, 1000, 10)
    if (what === 'a slow command') ask(health, 1400, 100)
    else if (what === 'a refusal') health.refuse()
    else {
      health.disconnect()
      health.connect(true)
    }
    ask(health, 2000, 10)
    expect(health.isReady(2010)).toBe(false)
    ask(health, 3000, 10)
    expect(health.isReady(3010)).toBe(true)
  })
})

test('the commands of a lost connection do not count', () => {
  const health = connected()
  for (const at of [0, 0, 0]) health.send(at)
  health.disconnect()
  health.connect(true)
  expect(health.isReady(1000)).toBe(true)
  ask(health, 1000, 10)
  expect(health.isReady(1010)).toBe(true)
})

test('with any history, it is ready if and only if the rules say so', () => {
  const commands = fc.array(fc.record({ afterMs: fc.nat(400), tookMs: fc.oneof(fc.nat(50), fc.nat(200)) }), { maxLength: 60 })
  fc.assert(
    fc.property(commands, (history) => {
      const health = connected()
      let now = 0
      const answers: { at: number; isSlow: boolean }[] = []
      for (const { afterMs, tookMs } of history) {
        ask(health, now + afterMs, tookMs)
        now += afterMs + tookMs
        answers.push({ at: now, isSlow: tookMs > 50 })
        expect(health.isReady(now)).toBe(isReadyAfter(answers))
      }
    }),
  )
})

/** The rules, without a state. The last word has whichever came last: three slow ones, or a quick second. */
function isReadyAfter(answers: readonly { at: number; isSlow: boolean }[]): boolean {
  for (let end = answers.length; end > 0; end--) {
    const last = answers.slice(0, end)
    if (last.length >= 3 && last.slice(-3).every(({ isSlow }) => isSlow)) return false
    const quick = last.slice(last.findLastIndex(({ isSlow }) => isSlow) + 1)
    if (quick.length > 0 && quick.at(-1)!.at - quick[0]!.at >= 1000) return true
  }
  return true
}
