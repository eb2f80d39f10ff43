import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { toCodings } from '../../src/middleware/codings.ts'
import { decode } from '../../src/middleware/decode.ts'
import { codingsOfNode } from '../../src/runtimes/node/codings.ts'

const maxBytes = 16_777_216
const codings = codingsOfNode()
const encoders = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync }
const names = Object.keys(encoders) as (keyof typeof encoders)[]

const encode = (name: keyof typeof encoders, bytes: Uint8Array) => new Uint8Array(encoders[name](bytes))
const decodeIn = (name: string, bytes: Uint8Array<ArrayBuffer>, limit = maxBytes) => decode(bytes, codings.get(name)!(), limit)

/** How much CPU time this process takes for a work, in milliseconds. */
async function toCpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Makes bytes that a compressor cannot shorten. The bytes are always the same. */
function noise(length: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length }, () => (state = (state * 48_271) % 2_147_483_647) & 0xff)
}

test('Node decodes all of the codings, zstd by its own zlib', () => {
  expect([...codings.keys()].toSorted()).toEqual(names.toSorted())
  expect([...toCodings().keys()]).not.toContain('zstd')
})

test('zstd with a window of more than 8 MiB is refused before it costs its memory', async () => {
  const encode = (windowLog: number) =>
    new Uint8Array(zstdCompressSync(Buffer.alloc(9 << 20), { params: { [constants.ZSTD_c_windowLog]: windowLog } }))
  expect(await decodeIn('zstd', encode(23))).toHaveLength(9 << 20)
  await expect(decodeIn('zstd', encode(24))).rejects.toMatchObject({ code: 'invalid_json' })
})

describe.each(names)('%s', (name) => {
  test.each([0, 1, 1000, 70_000, 1_000_000])('decodes %i bytes to the original bytes', async (length) => {
    const bytes = noise(length)
    expect(Buffer.from(await decodeIn(name, encode(name, bytes))).equals(bytes)).toBe(true)
  })

  test('decodes exactly as many bytes as the limit', async () => {
    const bytes = noise(5000)
    expect(await decodeIn(name, encode(name, bytes), 5000)).toHaveLength(5000)
    await expect(decodeIn(name, encode(name, bytes), 4999)).rejects.toMatchObject({ code: 'body_too_large' })
  })

  test('refuses a cut or broken body, and leaves no unhandled error', async () => {
    const good = encode(name, noise(3000))
    const bad = [
      new Uint8Array(0),
      good.subarray(0, 1),
      good.subarray(0, good.length / 2),
      good.subarray(0, -1),
      good.map((byte, i) => (i === 2 ? ~byte : byte)),
      // Bytes after the end of the compressed data. For zstd, Node's zlib ignores these bytes, so
      // it reports no error.
      ...(name === 'zstd' ? [] : [new Uint8Array([...good, 1, 2, 3])]),
      new TextEncoder().encode('{"model":"a"}'),
    ]
    for (const bytes of bad)
      await expect(decodeIn(name, bytes)).rejects.toMatchObject({ code: 'invalid_json', cause: undefined })
  })

  test('stops a bomb at the limit, for at most the CPU of three bodies of that size', async () => {
    const largest = encode(name, Buffer.alloc(maxBytes))
    const cpuOfOne = await toCpuMs(async () => void (await decodeIn(name, largest, maxBytes)))
    const bomb = encode(name, Buffer.alloc(4 * maxBytes))
    let decoded = 0
    const { readable, writable } = codings.get(name)!()
    const counted = readable.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          decoded += chunk.byteLength
          controller.enqueue(chunk)
        },
      }),
    )
    const cpuOfBomb = await toCpuMs(() =>
      expect(decode(bomb, { readable: counted, writable }, maxBytes)).rejects.toMatchObject({ code: 'body_too_large' }),
    )
    expect(cpuOfBomb).toBeLessThan(3 * cpuOfOne)
    expect(decoded).toBeLessThan(maxBytes + 100_000)
  })
})
