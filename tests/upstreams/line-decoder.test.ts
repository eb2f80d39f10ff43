import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { createLineDecoder } from '../../src/upstreams/line-decoder.ts'
import { cutAnywhere, cuts } from '../cuts.ts'
import { cutBytes } from '#fake-ollama/scripts.ts'

const toUtf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Returns the lines of a source, and the code of the fault that ended them. */
function decode(pieces: readonly Uint8Array[], maxLineBytes = 1_000_000): { lines: string[]; code?: string } {
  const lines: string[] = []
  const decoder = createLineDecoder({ maxLineBytes, onLine: (line) => lines.push(line) })
  try {
    for (const piece of pieces) decoder.push(piece)
    decoder.end()
    return { lines }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    return { lines, code: error.code }
  }
}

const decodeText = (text: string) => decode([toUtf8(text)]).lines

/** Lines with every kind of character, but without line breaks. */
const lineTexts = fc.array(
  fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll(/[\r\n\uFEFF]/g, '·')),
  { maxLength: 12 },
)

describe('lines', () => {
  test('are the bytes between the line feeds', () => {
    expect(decodeText('a\nbc\n\nd\n')).toEqual(['a', 'bc', '', 'd'])
  })

  test('lose a CR before their LF, and no other', () => {
    expect(decodeText('a\r\nb\r\r\nc\rd\n')).toEqual(['a', 'b\r', 'c\rd'])
  })

  test('need no LF at the end of the source', () => {
    expect(decodeText('a\nb')).toEqual(['a', 'b'])
  })

  test('lose a BOM at the start of the source, and nowhere else', () => {
    expect(decodeText('\uFEFFa\n\uFEFFb\n')).toEqual(['a', '\uFEFFb'])
    expect(decode(cutBytes(toUtf8('\uFEFFa\n\uFEFFb\n'), 'bytewise')).lines).toEqual(['a', '\uFEFFb'])
  })

  test('are given as soon as they are complete', () => {
    const lines: string[] = []
    const decoder = createLineDecoder({ maxLineBytes: 100, onLine: (line) => lines.push(line) })
    decoder.push(toUtf8('a\nb'))
    expect(lines).toEqual(['a'])
    decoder.push(toUtf8('c\n'))
    expect(lines).toEqual(['a', 'bc'])
  })

  test('do not change when the buffer that they came in is used again', () => {
    const lines: string[] = []
    const decoder = createLineDecoder({ maxLineBytes: 100, onLine: (line) => lines.push(line) })
    const buffer = toUtf8('abc')
    decoder.push(buffer)
    buffer.fill(0x78)
    decoder.push(toUtf8('d\n'))
    expect(lines).toEqual(['abcd'])
  })

  test('are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(lineTexts, fc.boolean(), cuts, (texts, isEnded, offsets) => {
        const text = texts.join('\n') + (isEnded ? '\n' : '')
        // If no LF follows the last text, and that text is empty, it is not a line.
        const expected = isEnded || texts.at(-1) !== '' ? texts : texts.slice(0, -1)
        const whole = isEnded && texts.length === 0 ? [''] : expected
        expect(decode(cutAnywhere(toUtf8(text), offsets))).toEqual({ lines: whole })
        expect(decode(cutBytes(toUtf8(text), 'bytewise'))).toEqual({ lines: whole })
      }),
    )
  })
})

describe('the limit', () => {
  const maxLineBytes = 64

  test.each([
    ['alone', ''],
    ['after another line in its piece', 'first\n'],
  ])('accepts a line of exactly so many bytes, %s', (_, before) => {
    const line = 'x'.repeat(maxLineBytes)
    const lines = before === '' ? [line] : ['first', line]
    for (const text of [`${before}${line}\n`, `${before}${line}`, `${before}${line}\nlast`]) {
      const expected = text.endsWith('last') ? [...lines, 'last'] : lines
      expect(decode([toUtf8(text)], maxLineBytes)).toEqual({ lines: expected })
      expect(decode(cutBytes(toUtf8(text), 'bytewise'), maxLineBytes)).toEqual({ lines: expected })
    }
  })

  test('counts bytes, not characters', () => {
    expect(decode([toUtf8('é'.repeat(32))], maxLineBytes)).toEqual({ lines: ['é'.repeat(32)] })
    expect(decode([toUtf8('é'.repeat(33))], maxLineBytes).code).toBe('line_too_long')
  })

  test.each([['bytewise'], ['in one piece'], ['in two']])('refuses one more byte before the line is complete, %s', (how) => {
    const bytes = toUtf8(`good\n${'x'.repeat(maxLineBytes + 1)}`)
    const lines: string[] = []
    const decoder = createLineDecoder({ maxLineBytes, onLine: (line) => lines.push(line) })
    const pieces = how === 'bytewise' ? cutBytes(bytes, 'bytewise') : cutBytes(bytes, how === 'in two' ? [20] : 'one')
    const last = pieces.pop()!
    for (const piece of pieces) decoder.push(piece)
    expect(() => decoder.push(last)).toThrow(expect.objectContaining({ code: 'line_too_long' }))
    expect(lines).toEqual(['good'])
  })

  test('refuses a complete line that is one byte too long, after the lines before it', () => {
    fc.assert(
      fc.property(cuts, fc.integer({ min: 1, max: 200 }), (offsets, more) => {
        const bytes = toUtf8(`a\nb\n${'x'.repeat(maxLineBytes + more)}\nc\n`)
        expect(decode(cutAnywhere(bytes, offsets), maxLineBytes)).toEqual({ lines: ['a', 'b'], code: 'line_too_long' })
      }),
    )
  })

  test('applies to each line: many lines in one piece may be longer together', () => {
    const lines = Array.from({ length: 50 }, () => 'x'.repeat(maxLineBytes))
    expect(decode([toUtf8(`${lines.join('\n')}\n`)], maxLineBytes)).toEqual({ lines })
  })
})

describe('broken UTF-8', () => {
  test.each([
    ['a byte that UTF-8 never uses', [0xff]],
    ['a continuation byte alone', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a character cut by its line end', [0xe2, 0x82]],
  ])('%s: the lines before it are given, however it is cut', (_, broken) => {
    const bytes = Uint8Array.from([...toUtf8('a\nβ\nc'), ...broken, ...toUtf8('\nd\n')])
    const expected = { lines: ['a', 'β'], code: 'upstream_protocol' }
    for (let at = 0; at <= bytes.length; at++) expect(decode(cutBytes(bytes, [at]))).toEqual(expected)
    expect(decode(cutBytes(bytes, 'bytewise'))).toEqual(expected)
  })

  test('a character that the end of the source cuts is broken too', () => {
    expect(decode([toUtf8('a\n'), Uint8Array.of(0x62, 0xe2, 0x82)])).toEqual({ lines: ['a'], code: 'upstream_protocol' })
  })
})

describe('work', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  /**
   * Counts the bytes and characters that `step` reads or copies with any method that a decoder
   * could use.
   */
  function countWork(step: () => void): number {
    let work = 0
    const bytesOf = Uint8Array.prototype
    for (const name of ['indexOf', 'lastIndexOf', 'slice'] as const) {
      const original = bytesOf[name] as (this: Uint8Array, ...args: unknown[]) => unknown
      vi.spyOn(bytesOf, name).mockImplementation(function (this: Uint8Array, ...args: unknown[]) {
        work += this.byteLength
        return original.apply(this, args) as never
      })
    }
    const { set } = bytesOf
    vi.spyOn(bytesOf, 'set').mockImplementation(function (this: Uint8Array, source, offset) {
      work += source.length
      set.call(this, source, offset)
    })
    const { decode } = TextDecoder.prototype
    vi.spyOn(TextDecoder.prototype, 'decode').mockImplementation(function (this: TextDecoder, input, options) {
      work += input?.byteLength ?? 0
      return decode.call(this, input, options)
    })
    step()
    vi.restoreAllMocks()
    return work
  }

  test.each([1, 16, 1000])('grows with the bytes and not with their square: a long line in pieces of %d bytes', (size) => {
    const bytes = toUtf8(`${'x'.repeat(200 * size)}\n`)
    const pieces = cutBytes(
      bytes,
      Array.from({ length: 200 }, (_, i) => i * size),
    )
    expect(pieces.length).toBeGreaterThanOrEqual(200)
    const work = countWork(() => expect(decode(pieces).lines).toHaveLength(1))
    expect(work).toBeGreaterThan(bytes.length)
    expect(work).toBeLessThan(10 * bytes.length)
  })

  test('a line of 8 MB in 32,000 pieces takes no noticeable time', () => {
    const piece = new Uint8Array(256).fill(0x78)
    const lines: number[] = []
    const decoder = createLineDecoder({ maxLineBytes: 10_000_000, onLine: (line) => lines.push(line.length) })
    const start = performance.now()
    for (let i = 0; i < 32_000; i++) decoder.push(piece)
    decoder.end()
    // Quadratic work would take minutes (docs/hazards.md#19).
    expect(performance.now() - start).toBeLessThan(3000)
    expect(lines).toEqual([8_192_000])
  })
})
