import { describe, expect, test } from 'vitest'
import type { Flow } from '../../src/generation.ts'
import { peek } from '../../src/upstreams/peek.ts'

/** A source that the test drives. `push` returns the taker's result. */
function createSource() {
  const ended = Promise.withResolvers<void>()
  let take: ((value: string) => void | Promise<void>) | undefined
  let starts = 0
  const flow: Flow<string> = (taker) => {
    starts++
    take = taker
    return ended.promise
  }
  return { flow, push: (value: string) => take!(value), end: ended.resolve, break: ended.reject, starts: () => starts }
}

describe('peek', () => {
  test('starts the source once, and resolves with its first value', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    void source.push('a')
    expect((await peeked).first).toBe('a')
    expect(source.starts()).toBe(1)
  })

  test('holds the source at its first value until somebody takes it', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    let isHeld = true
    const held = Promise.resolve(source.push('a')).then(() => (isHeld = false))
    const { flow } = await peeked
    expect(isHeld).toBe(true)
    void flow(() => {})
    await held
    expect(isHeld).toBe(false)
  })

  test('gives every value in order, the first one included, and then the end', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    const held = source.push('a')
    const { flow } = await peeked
    const taken: string[] = []
    const ended = flow((value) => void taken.push(value))
    await held
    expect(source.push('b')).toBeUndefined()
    void source.push('c')
    source.end()
    await ended
    expect(taken).toEqual(['a', 'b', 'c'])
  })

  test('gives the values that came while the source was held, and then the new ones, in order', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    void source.push('a')
    // A paused source may still deliver its last piece when it ends.
    void source.push('b')
    const { flow } = await peeked
    const taken: string[] = []
    const ended = flow((value) => void taken.push(value))
    void source.push('c')
    source.end()
    await ended
    expect(taken).toEqual(['a', 'b', 'c'])
  })

  test('passes on the taker’s return value: a full taker pauses the source, at the first value too', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    const full = Promise.withResolvers<void>()
    let isPaused = true
    const held = Promise.resolve(source.push('a')).then(() => (isPaused = false))
    const { flow } = await peeked
    void flow(() => full.promise)
    await new Promise(setImmediate)
    expect(isPaused).toBe(true)
    full.resolve()
    await held
    expect(source.push('b')).toBe(full.promise)
  })

  test('of a source that ends at once has no first value, and its flow ends', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    source.end()
    const { first, flow } = await peeked
    expect(first).toBeUndefined()
    await expect(flow(() => expect.unreachable())).resolves.toBeUndefined()
  })

  test('of a source that breaks at once rejects with its reason', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    source.break(new Error('broke'))
    await expect(peeked).rejects.toThrow('broke')
  })

  test('of a source that breaks later gives the reason to the flow, also if it broke while it was held', async () => {
    const source = createSource()
    const peeked = peek(source.flow)
    void source.push('a')
    const { flow } = await peeked
    source.break(new Error('broke'))
    // The failure must cause no unhandled rejection.
    await new Promise(setImmediate)
    await expect(flow(() => {})).rejects.toThrow('broke')
  })
})
