import { beforeEach, describe, expect, test } from 'vitest'
import { createWriter, type Writer } from '../../src/relay/writer.ts'
import { createFakeSink, type FakeSink } from './fake-sink.ts'

let sink: FakeSink
let writer: Writer
let said: boolean[]

function create(endsLate = false) {
  sink = createFakeSink({ endsLate })
  said = []
  writer = createWriter(sink, (isFull) => said.push(isFull))
}
beforeEach(() => create())

const turn = () => new Promise(setImmediate)

describe('a writer', () => {
  test('writes at once, and reports nothing while there is room', () => {
    expect(writer.write('a')).toBeUndefined()
    expect(writer.write('grüße')).toBeUndefined()
    expect(sink.written).toEqual(['a', 'grüße'])
    expect(said).toEqual([])
  })

  test('reports when its sink is full and when it has room, and returns a promise for the room', async () => {
    sink.fill()
    const full = writer.write('a')
    expect(full).toBeInstanceOf(Promise)
    expect(said).toEqual([true])
    sink.drain()
    await full
    expect(said).toEqual([true, false])
    expect(writer.write('b')).toBeUndefined()
  })

  test('keeps the order: text written while full goes out once there is room', async () => {
    sink.fill()
    void writer.write('a')
    const second = writer.write('b')
    const third = writer.write('c')
    await turn()
    expect(sink.written).toEqual(['a'])
    sink.drain()
    await Promise.all([second, third])
    expect(sink.written).toEqual(['a', 'b', 'c'])
    expect(said.at(-1)).toBe(false)
  })

  test('reports full again each time that the reader has taken something', async () => {
    sink.fill()
    void writer.write('a')
    const second = writer.write('b')
    const before = said.length
    sink.takeOne()
    await turn()
    expect(sink.written).toEqual(['a', 'b'])
    expect(said.length).toBeGreaterThan(before)
    expect(said).not.toContain(false)
    sink.drain()
    await second
    expect(said.at(-1)).toBe(false)
  })

  test('sends a long piece in parts, in order and whole', async () => {
    const long = Array.from({ length: 100_000 }, (_, i) => `${i} é\n`).join('')
    const full = writer.write(long)
    expect(full).toBeInstanceOf(Promise)
    await full
    expect(sink.written.join('')).toBe(long)
    expect(sink.written.length).toBeGreaterThan(3)
    for (const part of sink.written) expect(part.length).toBeLessThanOrEqual(65_536)
    expect(said.at(-1)).toBe(false)
  })

  test('cuts no surrogate pair in two', async () => {
    const long = `x${'👋'.repeat(100_000)}`
    await writer.write(long)
    expect(sink.written.map((part) => Buffer.from(part).toString()).join('')).toBe(long)
  })

  test('reports full again for each part of a long piece: a slow reader that takes some has not stalled', async () => {
    sink.fill()
    const full = writer.write('x'.repeat(4 * 65_536))
    for (let parts = 1; parts <= 4; parts++) {
      await turn()
      expect(sink.written).toHaveLength(parts)
      const before = said.length
      if (parts < 4) {
        sink.takeOne()
        await turn()
        expect(said.length).toBeGreaterThan(before)
        expect(said).not.toContain(false)
      }
    }
    sink.drain()
    await full
    expect(said.at(-1)).toBe(false)
  })
})

describe('the end', () => {
  test('is clean, and at once if everything was taken', async () => {
    void writer.write('a')
    await writer.end()
    expect(sink.ended).toBe(1)
  })

  test('waits until everything that was written has been taken', async () => {
    sink.fill()
    void writer.write('a')
    void writer.write('b')
    const ended = writer.end()
    await turn()
    expect(sink.ended).toBe(0)
    sink.drain()
    await ended
    expect(sink.written).toEqual(['a', 'b'])
    expect(sink.ended).toBe(1)
  })

  test('is full until the reader has taken it, if the sink can tell', async () => {
    create(true)
    void writer.write('a')
    let isOver = false
    const ended = writer.end().then(() => (isOver = true))
    await turn()
    expect(isOver).toBe(false)
    expect(said).toEqual([true])
    sink.drain()
    await ended
    expect(said).toEqual([true, false])
  })
})
