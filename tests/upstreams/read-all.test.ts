import { describe, expect, test } from 'vitest'
import type { Flow } from '../../src/generation.ts'
import { readAll } from '../../src/upstreams/read-all.ts'
import { cutBytes } from '#fake-ollama/scripts.ts'

const toUtf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A source that waits while its taker is full, as every source must. */
function from(pieces: readonly Uint8Array[], taken: Uint8Array[] = []): Flow<Uint8Array> {
  return async (take) => {
    for (const piece of pieces) {
      taken.push(piece)
      await take(piece)
    }
  }
}

describe('a whole body', () => {
  test.each([['one'], ['bytewise']] as const)('is its bytes as text, cut %s', async (cut) => {
    expect(await readAll(from(cutBytes(toUtf8('grüße 你好 👋'), cut)), 100)).toBe('grüße 你好 👋')
  })

  test('may be empty', async () => {
    expect(await readAll(from([]), 100)).toBe('')
  })

  test('may be as long as the limit, and no longer', async () => {
    expect(await readAll(from(cutBytes(toUtf8('x'.repeat(100)), [40])), 100)).toHaveLength(100)
    await expect(readAll(from(cutBytes(toUtf8('x'.repeat(101)), [40])), 100)).rejects.toMatchObject({ code: 'line_too_long' })
  })

  test('is not read beyond the limit', async () => {
    const taken: Uint8Array[] = []
    await expect(readAll(from([toUtf8('ab'), toUtf8('cd'), toUtf8('ef')], taken), 3)).rejects.toMatchObject({
      code: 'line_too_long',
    })
    await new Promise(setImmediate)
    expect(taken).toHaveLength(2)
  })

  test.each([
    ['broken', [0x61, 0xff, 0x62]],
    ['cut by its end', [0x61, 0xe2, 0x82]],
  ])('that is %s UTF-8 is upstream_protocol', async (_, bytes) => {
    await expect(readAll(from([Uint8Array.from(bytes)]), 100)).rejects.toMatchObject({ code: 'upstream_protocol' })
    await expect(readAll(from(cutBytes(Uint8Array.from(bytes), 'bytewise')), 100)).rejects.toMatchObject({
      code: 'upstream_protocol',
    })
  })

  test('that breaks off rejects with the reason', async () => {
    const broken: Flow<Uint8Array> = async (take) => {
      await take(toUtf8('a'))
      throw new Error('reset')
    }
    await expect(readAll(broken, 100)).rejects.toThrow('reset')
  })
})
