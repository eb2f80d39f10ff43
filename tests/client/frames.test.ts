import { createParser } from 'eventsource-parser'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrameReader, type Frame, type FrameReader } from '#client/frames.ts'
import { cutAnywhere, cuts } from '../cuts.ts'

/** Feeds a frame reader as the client does: all bytes go through one decoder. */
function readAll(reader: FrameReader, pieces: readonly Uint8Array[], end = ''): Frame[] {
  const decoder = new TextDecoder()
  const frames = pieces.flatMap((piece) => reader.read(decoder.decode(piece, { stream: true })))
  return [...frames, ...reader.read(decoder.decode() + end)]
}

function readByParser(pieces: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = []
  const decoder = new TextDecoder()
  const parser = createParser({ onEvent: ({ id, event, data }) => void frames.push({ event: event || 'message', data, id }) })
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }))
  parser.feed(decoder.decode())
  return frames
}

const text = fc.stringMatching(/^[^\r\n\uFEFF]{0,12}$/u)
const field = fc.oneof(
  fc.constantFrom(
    'data',
    'data:',
    'data: ',
    'data:  two',
    'event',
    'event:',
    'event: failed',
    'id: 7',
    'id',
    'id: 7\0',
    'retry: 1',
    ':',
    ': ping',
    'Data: x',
    ' data: x',
  ),
  fc.tuple(fc.constantFrom('data:', 'data: ', 'event: ', 'foo: ', ':', ''), text).map((parts) => parts.join('')),
)
const newline = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n', '\n\r', '\n\r\n')
const stream = fc
  .tuple(
    fc.constantFrom('', '\uFEFF'),
    fc.array(fc.tuple(field, newline), { maxLength: 30 }),
    fc.constantFrom('', 'data: open'),
  )
  .map(([bom, lines, rest]) => bom + lines.flat().join('') + rest)

describe('Server-Sent Events', () => {
  test('are read as by eventsource-parser, with any line ends and any cuts of the bytes', () => {
    fc.assert(
      fc.property(stream, cuts, (text, offsets) => {
        const pieces = cutAnywhere(new TextEncoder().encode(text), offsets)
        expect(readAll(createFrameReader(true), pieces)).toEqual(readByParser(pieces))
      }),
      { numRuns: 500 },
    )
  })

  test('are read as by eventsource-parser one byte at a time, with broken UTF-8 too', () => {
    fc.assert(
      fc.property(stream, fc.uint8Array({ maxLength: 8 }), fc.nat(200), (text, noise, at) => {
        const bytes = new TextEncoder().encode(text)
        const place = Math.min(at, bytes.length)
        // The noise is not at the very start, where it could be a second byte order mark.
        const all = [...bytes.subarray(0, place), ...(place > 3 ? noise : []), ...bytes.subarray(place)]
        const pieces = all.map((byte) => Uint8Array.of(byte))
        expect(readAll(createFrameReader(true), pieces)).toEqual(readByParser(pieces))
      }),
      { numRuns: 300 },
    )
  })

  test('lose one space after the colon and no other, keep empty lines of data, and end only by an empty line', () => {
    const reader = createFrameReader(true)
    expect(reader.read('data:  a\ndata:\ndata\ndata: \u0000b\n')).toEqual([])
    expect(reader.read('\nevent: x\n\ndata\n\ndata: open\n')).toEqual([
      { event: 'message', data: ' a\n\n\n\u0000b' },
      { event: 'message', data: '' },
    ])
  })
})

describe('NDJSON', () => {
  test('is read line by line, with any cuts of the bytes; a CR does not end a line, and the last line needs no LF', () => {
    const line = fc.oneof(fc.json(), fc.constant('{"a":\r1}'), fc.constant('{"汉":"字🎉"}\r'), fc.constant(''))
    fc.assert(
      fc.property(fc.array(line), fc.boolean(), cuts, (lines, isClosed, offsets) => {
        const bytes = new TextEncoder().encode(lines.join('\n') + (isClosed ? '\n' : ''))
        const read = readAll(createFrameReader(false), cutAnywhere(bytes, offsets), '\n').map(({ data }) => data)
        expect(read).toEqual(lines.filter((line) => line !== ''))
      }),
    )
  })
})

test.each([
  ['Server-Sent Events', true, 'data: ', '\n\n'],
  ['NDJSON', false, '', '\n'],
])(
  'a frame of 10 MB of %s in pieces of 64 bytes takes linear time, and pending counts its length',
  (_name, isEvents, start, end) => {
    const reader = createFrameReader(isEvents)
    const piece = 'x'.repeat(64)
    reader.read(start)
    const began = performance.now()
    for (let count = 0; count < 160_000; count++) reader.read(piece)
    expect(reader.pending).toBe(start.length + 160_000 * 64)
    const [frame] = reader.read(end)
    expect(frame?.data).toHaveLength(160_000 * 64)
    expect(reader.pending).toBe(0)
    // Quadratic work would take minutes.
    expect(performance.now() - began).toBeLessThan(5000)
  },
)

test('pending counts many data lines of one event too', () => {
  const reader = createFrameReader(true)
  for (let count = 0; count < 100; count++) reader.read('data: 123456789\n')
  expect(reader.pending).toBe(999)
})
