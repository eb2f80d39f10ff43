import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createResponseReader, type ResponseReader } from '../../src/http1/response-reader.ts'
import { cutBytes } from '#fake-ollama/scripts.ts'
import { cutAnywhere, cuts } from '../cuts.ts'
import { toSpoiltResponse } from '../fuzz/responses.ts'
import { createRandom } from '../random.ts'
import { readResponse, type Reading } from './read-response.ts'

const toBytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))
const toLines = (...lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`
const ok = 'HTTP/1.1 200 OK'
const chunked = toLines(ok, 'Transfer-Encoding: chunked')
const pushAll = (reader: ResponseReader, bytes: Uint8Array) => reader.push(bytes, bytes.length)

/**
 * Reads a text in one piece, byte by byte, and with a cut at each place. All readings must be
 * equal.
 */
function read(text: string, method?: string): Reading {
  const bytes = toBytes(text)
  const whole = readResponse([bytes], method)
  expect(readResponse(cutBytes(bytes, 'bytewise'), method)).toEqual(whole)
  for (let at = 1; at < Math.min(bytes.length, 500); at++) expect(readResponse(cutBytes(bytes, [at]), method)).toEqual(whole)
  return whole
}

describe('a response', () => {
  const cases: readonly (readonly [title: string, text: string, expected: Partial<Reading>, method?: string])[] = [
    ['of a length', `${toLines(ok, 'Content-Length: 5')}hello`, { status: 200, body: 'hello', ending: 'reuse' }],
    ['of no bytes', toLines(ok, 'Content-Length: 0'), { body: '', ending: 'reuse' }],
    ['in chunks', `${chunked}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`, { body: 'hello world', ending: 'reuse' }],
    [
      'with the coding in capitals',
      `${toLines(ok, 'transfer-encoding:CHUNKED')}1\r\nx\r\n0\r\n\r\n`,
      { body: 'x', ending: 'reuse' },
    ],
    ['with sizes in capitals and with zeros before them', `${chunked}00A\r\n0123456789\r\n000\r\n\r\n`, { body: '0123456789' }],
    ['whose chunks look like framing', `${chunked}7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`, { body: '\r\n0\r\n\r\n', ending: 'reuse' }],
    [
      'with extensions of chunks',
      `${chunked}5;a;b=c;d="e;\\"\r\n`.replace('"\r', '""\r').concat('hello\r\n0;z\r\n\r\n'),
      { body: 'hello', ending: 'reuse' },
    ],
    [
      'with trailers, which are dropped',
      `${chunked}0\r\nX-A: b\r\nX-C:\r\n\r\n`,
      { headers: [['transfer-encoding', 'chunked']], ending: 'reuse' },
    ],
    ['until the close', `${toLines(ok, 'X-A: b')}hello`, { body: 'hello', ending: 'close' }],
    ['until the close, without a byte', toLines(ok), { body: '', ending: 'close' }],
    [
      'of HTTP/1.0',
      `${toLines('HTTP/1.0 200 OK', 'Content-Length: 5', 'Connection: keep-alive')}hello`,
      { body: 'hello', ending: 'close' },
    ],
    ['that is the last', toLines(ok, 'Content-Length: 0', 'Connection: x, Close'), { ending: 'close' }],
    ['without a reason', toLines('HTTP/1.1 200 ', 'Content-Length: 0'), { status: 200, ending: 'reuse' }],
    ['without the space before the reason', toLines('HTTP/1.1 200', 'Content-Length: 0'), { status: 200, ending: 'reuse' }],
    [
      'behind interim ones',
      `${toLines('HTTP/1.1 100 Continue')}${toLines('HTTP/1.1 103 Hints', 'Link: </a>')}${toLines(ok, 'Content-Length: 0')}`,
      { status: 200, headers: [['content-length', '0']], ending: 'reuse' },
    ],
    ['204', toLines('HTTP/1.1 204 No Content'), { status: 204, body: '', ending: 'reuse' }],
    [
      '204 that says its length is 0',
      toLines('HTTP/1.1 204 No Content', 'Content-Length: 0'),
      { status: 204, ending: 'reuse' },
    ],
    [
      '304 with the length of what it does not send',
      toLines('HTTP/1.1 304 Not Modified', 'Content-Length: 5'),
      { status: 304, ending: 'reuse' },
    ],
    ['to a HEAD, of a length', toLines(ok, 'Content-Length: 5'), { body: '', ending: 'reuse' }, 'HEAD'],
    ['to a HEAD, in chunks', chunked, { body: '', ending: 'reuse' }, 'HEAD'],
    ['to a HEAD, without a length', toLines(ok), { body: '', ending: 'reuse' }, 'HEAD'],
    [
      'with white space around values',
      toLines(ok, 'X-A:  b \t c  ', 'X-D:\te', 'Content-Length:0 '),
      {
        headers: [
          ['content-length', '0'],
          ['x-a', 'b \t c'],
          ['x-d', 'e'],
        ],
      },
    ],
    [
      'with a header twice',
      toLines(ok, 'X-A: b', 'x-a: c', 'Content-Length: 0'),
      {
        headers: [
          ['content-length', '0'],
          ['x-a', 'b, c'],
        ],
      },
    ],
    [
      'with bytes above ASCII',
      toLines('HTTP/1.1 200 \xe9', 'X-A: \xff\x80', 'Content-Length: 0'),
      {
        headers: [
          ['content-length', '0'],
          ['x-a', '\xff\x80'],
        ],
      },
    ],
  ]

  test.each(cases.map(([title, text, expected, method = 'GET']) => [title, text, expected, method] as const))(
    '%s',
    (_, text, expected, method) => {
      expect(read(text, method)).toMatchObject(expected)
    },
  )
})

describe('a fault of the protocol', () => {
  const isLonger = 'Bytes follow the end of the response'
  const cases: readonly (readonly [title: string, text: string, fault: string, method?: string])[] = [
    // RFC 9112 §2.2 allows a recipient to accept a LF alone as a line end.
    ...(['status', 'field', 'end'] as const).map((where, index) => {
      const lines = [ok, 'X-A: b', '', '']
      return [
        `a bare LF: ${where}`,
        lines.map((line, at) => line + (at === index ? '\n' : '\r\n')).join(''),
        'A line ends without a CR',
      ] as const
    }),
    ['a bare LF behind a size', `${chunked}5\nhello\r\n0\r\n\r\n`, 'A line ends without a CR'],
    ['a bare LF behind a chunk', `${chunked}5\r\nhello\n0\r\n\r\n`, 'A line ends without a CR'],
    ['a bare LF behind a trailer', `${chunked}0\r\nX-A: b\n\r\n`, 'A line ends without a CR'],
    ['an empty line before the response', `\r\n${toLines(ok)}`, 'The status line is malformed'],
    ...[
      'HTTP/2.0 200 OK',
      'HTTP/1.2 200 OK',
      'http/1.1 200 OK',
      'HTTP/1.1  200 OK',
      'HTTP/1.1 20 OK',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1 099 OK',
      'HTTP/1.1 600 OK',
      'HTTP/1.1 200OK',
      'HTTP/1.1 200 a\rb',
      'HTTP/1.1 200 a\0',
      'HTTP/1.1',
      '',
    ].map(
      (line) =>
        [
          `the status line ${JSON.stringify(line)}`,
          toLines(line, 'Content-Length: 0'),
          'The status line is malformed',
        ] as const,
    ),
    // RFC 9112 §5.1: no white space before the colon. §5.2: no folded lines.
    ...[
      'X-A : b',
      'X-A\t: b',
      ' X-A: b',
      '\tb',
      'X-A',
      ': b',
      'X A: b',
      'X-\xe9: b',
      'X-A: \0',
      'X-A: a\rb',
      'X-A: \x7f',
      'X-A: b\t',
      'X-A: b\t  ',
    ].flatMap((line) => [
      [`the header ${JSON.stringify(line)}`, toLines(ok, 'X-B: c', line), 'A header line is malformed'] as const,
      [
        `the trailer ${JSON.stringify(line)}`,
        `${chunked}0\r\nX-B: c\r\n${line}\r\n\r\n`,
        'A header line is malformed',
      ] as const,
    ]),
    ...['Content-Length: 5', 'transfer-encoding: chunked'].map(
      (line) => [`the trailer ${line}`, `${chunked}0\r\n${line}\r\n\r\n`, 'A trailer belongs into the head'] as const,
    ),
    // RFC 9112 §6.3, 3 and 5.
    ['both lengths', toLines(ok, 'Content-Length: 5', 'Transfer-Encoding: chunked'), 'The body has both a length and a coding'],
    [
      'both lengths of a HEAD',
      toLines(ok, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
      'The body has both a length and a coding',
      'HEAD',
    ],
    ['a length twice', `${toLines(ok, 'Content-Length: 5', 'content-length: 5')}hello`, 'The length of the body is malformed'],
    ...['5, 5', '+5', '-5', '5 5', '0x5', '5.0', '1e1', '', 'x', '\xb2', '1000000000000000', '18446744073709551616'].map(
      (length) =>
        [
          `the length ${length}`,
          `${toLines(ok, `Content-Length: ${length}`)}hello`,
          'The length of the body is malformed',
        ] as const,
    ),
    ...['gzip', 'identity', 'gzip, chunked', 'chunked, chunked', 'chunked, gzip', 'xchunked', '"chunked"', 'chunked;a', ''].map(
      (coding) =>
        [
          `the coding ${coding}`,
          `${toLines(ok, `Transfer-Encoding: ${coding}`)}0\r\n\r\n`,
          'The coding of the body is not chunked',
        ] as const,
    ),
    [
      'a coding twice',
      `${toLines(ok, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
      'The coding of the body is not chunked',
    ],
    [
      'a coding in HTTP/1.0',
      `${toLines('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
      'The coding of the body is not chunked',
    ],
    ...['204 No Content', '100 Continue'].flatMap((status) =>
      ['Content-Length: 5', 'Transfer-Encoding: chunked'].map(
        (line) => [`a ${status} with ${line}`, toLines(`HTTP/1.1 ${status}`, line), 'A status without a body has one'] as const,
      ),
    ),
    ['a 304 in chunks', toLines('HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked'), 'A status without a body has one'],
    ['a 101 without a header', toLines('HTTP/1.1 101 Switching Protocols'), 'An interim response changes the connection'],
    [
      'a 101',
      toLines('HTTP/1.1 101 Switching Protocols', 'Upgrade: h2c', 'Connection: upgrade'),
      'An interim response changes the connection',
    ],
    [
      'a 100 that is the last',
      toLines('HTTP/1.1 100 Continue', 'Connection: close') + toLines(ok),
      'An interim response changes the connection',
    ],
    ['a 100 of HTTP/1.0', toLines('HTTP/1.0 100 Continue') + toLines(ok), 'An interim response changes the connection'],
    // RFC 9112 §7.1.
    ...[
      ' 5',
      '5 ',
      '5\t',
      '+5',
      '-5',
      '0x5',
      ...Array.from('ghGH/:@`').map((odd) => `5${odd}`),
      '',
      '5 ;a',
      '5; a',
      '5;',
      '5;;a',
      '5;a=',
      '5;a="',
      '5;a="b"c',
      '5;a=\xe9',
      '5;a="\x01"',
      '5,',
      '10000000000000000',
      '10000000000000005',
      '00000000000005',
      'ffffffffffffffff',
    ].map(
      (size) =>
        [
          `the size ${JSON.stringify(size)}`,
          `${chunked}${size}\r\nhello\r\n0\r\n\r\n`,
          'The size of a chunk is malformed',
        ] as const,
    ),
    ['a chunk longer than its size', `${chunked}4\r\nhello\r\n0\r\n\r\n`, 'A chunk is longer than its size'],
    ['a chunk shorter than its size', `${chunked}6\r\nhello\r\n0\r\n\r\n`, 'A line ends without a CR'],
    ['bytes behind a length', `${toLines(ok, 'Content-Length: 4')}hello`, isLonger],
    ['bytes behind a response of no bytes', `${toLines(ok, 'Content-Length: 0')}\r\n`, isLonger],
    ['bytes behind the last chunk', `${chunked}0\r\n\r\n\r\n`, isLonger],
    ['bytes behind a 204', `${toLines('HTTP/1.1 204 No Content')}x`, isLonger],
    ['a body behind the head of a HEAD', `${toLines(ok, 'Content-Length: 5')}hello`, isLonger, 'HEAD'],
    ['a second response', toLines(ok, 'Content-Length: 0').repeat(2), isLonger],
    ['a second response behind the last one', toLines(ok, 'Content-Length: 0', 'Connection: close').repeat(2), isLonger],
  ]

  test.each(cases.map(([title, text, fault, method = 'GET']) => [title, text, fault, method] as const))(
    '%s',
    (_, text, fault, method) => {
      expect(read(text, method)).toMatchObject({ ending: 'protocol', fault })
    },
  )

  test('gives the body up to it', () => {
    expect(read(`${chunked}5\r\nhello\r\n5\r\nworldx\r`)).toMatchObject({ status: 200, body: 'helloworld', ending: 'protocol' })
  })

  test('in the read of the end takes the place of the end', () => {
    const ends: boolean[] = []
    const reader = createResponseReader({ method: 'GET', onHead() {}, onBody() {}, onEnd: (canReuse) => ends.push(canReuse) })
    expect(() => pushAll(reader, toBytes(`${toLines(ok, 'Content-Length: 0')}x`))).toThrow('Bytes follow')
    expect(ends).toEqual([])
  })

  test('in a callback is final, too', () => {
    const onHead = () => {
      throw new Error('mine')
    }
    const reader = createResponseReader({ method: 'GET', onHead, onBody: () => expect.fail(), onEnd: () => expect.fail() })
    expect(() => pushAll(reader, toBytes(toLines(ok, 'Content-Length: 5')))).toThrow('mine')
    expect(() => pushAll(reader, toBytes('hello'))).toThrow('Bytes follow')
  })

  test('are bytes behind the FIN', () => {
    const reader = createResponseReader({ method: 'GET', onHead() {}, onBody: () => expect.fail(), onEnd() {} })
    pushAll(reader, toBytes(toLines(ok)))
    reader.close()
    reader.close()
    expect(() => pushAll(reader, toBytes('hello'))).toThrow('Bytes follow')
  })

  test('is final: later bytes are a fault again, and the FIN is not', () => {
    const reader = createResponseReader({ method: 'GET', onHead() {}, onBody() {}, onEnd: () => expect.fail() })
    expect(() => pushAll(reader, toBytes('x\r\n'))).toThrow('The status line is malformed')
    expect(() => pushAll(reader, toBytes(toLines(ok, 'Content-Length: 0')))).toThrow('Bytes follow')
    reader.close()
  })
})

test.each([
  ['of a length', `${toLines(ok, 'Content-Length: 5')}hello`, 0],
  ['in chunks', `${chunked}5;a\r\nhello\r\n0\r\nX-A: b\r\n\r\n`, 0],
  ['behind an interim one', `${toLines('HTTP/1.1 100 Continue')}${toLines(ok, 'Content-Length: 1')}x`, 0],
  ['until the close', `${toLines(ok, 'X-A: b')}hello`, toLines(ok, 'X-A: b').length],
])('a FIN before the end of a response %s is told at each place', (_, text, mayEnd) => {
  for (let at = 0; at < text.length; at++) {
    const { ending, body } = read(text.slice(0, at))
    expect(ending).toBe(mayEnd > 0 && at >= mayEnd ? 'close' : 'truncated')
    expect('hello x'.includes(body)).toBe(true)
  }
})

describe('however it is cut', () => {
  const names = fc
    .stringMatching(/^[A-Za-z!#$%&'*+.^_`|~-][\w-]{0,12}$/)
    .filter((name) => !/^(?:content-length|transfer-encoding|connection|set-cookie)$/i.test(name))
  const fields = fc.uniqueArray(fc.tuple(names, fc.stringMatching(/^(?:[!-~]{1,20}( [!-~]{1,20})?)?$/)), {
    selector: ([name]) => name.toLowerCase(),
    maxLength: 6,
  })
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 })

  test('a good response is read as it was written', () => {
    fc.assert(
      fc.property(fields, chunks, fc.constantFrom('length', 'chunked', 'close'), cuts, (fields, chunks, framing, offsets) => {
        const body = Buffer.concat(chunks).toString('latin1')
        const coding = { length: [`Content-Length: ${body.length}`], chunked: ['Transfer-Encoding: chunked'], close: [] }[
          framing
        ]
        const coded = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${Buffer.from(chunk).toString('latin1')}\r\n`)
        const text =
          toLines(ok, ...fields.map(([name, value]) => `${name}: ${value}`), ...coding) +
          (framing === 'chunked' ? `${coded.join('')}0\r\n\r\n` : body)
        const reading = readResponse(cutAnywhere(toBytes(text), offsets))
        expect(reading).toMatchObject({ status: 200, body, ending: framing === 'close' ? 'close' : 'reuse' })
        expect(reading.headers).toEqual(expect.arrayContaining(fields.map(([name, value]) => [name.toLowerCase(), value])))
      }),
    )
  })

  test('any response is read alike', () => {
    fc.assert(
      fc.property(fc.nat(), cuts, (seed, offsets) => {
        const { method, bytes } = toSpoiltResponse(createRandom(seed))
        const whole = readResponse([bytes], method)
        expect(readResponse(cutAnywhere(bytes, offsets), method)).toEqual(whole)
        expect(readResponse(cutBytes(bytes, 'bytewise'), method)).toEqual(whole)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('the body of a read', () => {
  /**
   * Pushes a head, and then `text` as a part of a larger buffer. Returns what `onBody` got, and
   * both arrays.
   */
  function push(text: string, headers = 'Transfer-Encoding: chunked') {
    const got: Uint8Array[] = []
    const reader = createResponseReader({ method: 'GET', onHead() {}, onBody: (bytes) => got.push(bytes), onEnd() {} })
    pushAll(reader, toBytes(toLines(ok, headers)))
    const around = toBytes(`<<<${text}>>>`)
    const bytes = around.subarray(3, -3)
    pushAll(reader, bytes)
    return { got, around, bytes }
  }

  test('is one view of its bytes, whatever the number of chunks, and the bytes beside them stay', () => {
    const { got, around, bytes } = push('5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n3\r\nab')
    expect(got).toHaveLength(1)
    expect(Buffer.from(got[0]!).toString()).toBe('hello worldab')
    expect(got[0]!.buffer).toBe(bytes.buffer)
    expect(Buffer.from(around).toString()).toMatch(/^<<<.*>>>$/s)
  })

  test('is the pushed array itself if all of it is body', () => {
    const { got, bytes } = push('hello', 'Content-Length: 50')
    expect(got[0]).toBe(bytes)
  })
})

describe('limits', () => {
  const head = (bytes: number) => {
    const [before, after] = [`${ok}\r\nX-A: `, '\r\nContent-Length: 0\r\n\r\n']
    return before + 'a'.repeat(bytes - before.length - after.length) + after
  }
  const ends = (text: string, pieces: 'one' | 'bytewise' = 'one') => readResponse(cutBytes(toBytes(text), pieces)).fault

  test.each(['one', 'bytewise'] as const)('of a head: 64 KiB, in pieces: %s', (pieces) => {
    expect(ends(head(65_536), pieces)).toBeUndefined()
    expect(ends(head(65_537), pieces)).toBe('A line is too long')
  })

  test('of a head: 200 lines', () => {
    const lines = (count: number) => toLines(ok, ...Array.from({ length: count - 3 }, () => 'X: y'), 'Content-Length: 0')
    expect(ends(lines(200))).toBeUndefined()
    expect(ends(lines(201))).toBe('The head has too many lines')
  })

  test('of all interim responses together', () => {
    expect(ends(toLines('HTTP/1.1 100 Continue').repeat(99) + toLines(ok))).toBeUndefined()
    expect(ends(toLines('HTTP/1.1 100 Continue').repeat(100))).toBe('The connection ended before the response did')
    expect(ends(`${toLines('HTTP/1.1 100 Continue').repeat(100)}${toLines(ok)}`)).toBe('The head has too many lines')
  })

  test('of a chunk’s size with its extensions: 4 KiB, for each chunk anew', () => {
    const size = (bytes: number) => `1;${'a'.repeat(bytes - 4)}\r\n`
    expect(ends(`${chunked}${`${size(4096)}x\r\n`.repeat(40)}0\r\n\r\n`)).toBeUndefined()
    expect(ends(`${chunked}${size(4097)}x\r\n0\r\n\r\n`)).toBe('A line is too long')
  })

  test('of the trailer, together with the head', () => {
    const trailer = (bytes: number) => `${chunked}0\r\nX-A: ${'a'.repeat(bytes - 9 - chunked.length)}\r\n\r\n`
    expect(ends(trailer(65_536))).toBeUndefined()
    expect(ends(trailer(65_537))).toBe('A line is too long')
    expect(ends(`${chunked}0\r\n${'X: y\r\n'.repeat(198)}\r\n`)).toBe('The head has too many lines')
  })

  test.each([
    ['a head', `${ok}\r\nX-A: `],
    ['a status line', 'HTTP/1.1 200 '],
    ['an extension', `${chunked}5;`],
    ['a trailer', `${chunked}0\r\nX-A: `],
    ['a size', chunked],
    ['a gap', `${chunked}1\r\nx`],
  ])('end %s without an end while it comes', (_, before) => {
    const reader = createResponseReader({ method: 'GET', onHead() {}, onBody() {}, onEnd() {} })
    pushAll(reader, toBytes(before))
    const piece = toBytes('a'.repeat(1024))
    expect(() => {
      for (let left = 65; left > 0; left--) pushAll(reader, piece)
    }).toThrow(/too long|longer/)
  })
})

describe('work', () => {
  // Quadratic work on these would take seconds.
  const maxMs = 500

  test.each([
    ['a head byte by byte', `${ok}\r\nX-A: ${'a'.repeat(65_000)}\r\n`],
    ['spaces around no value', `${ok}\r\nX-A:${' '.repeat(65_000)}\x01\r\n`],
    ['tabs', `${ok}\r\nX-A:${'\t'.repeat(65_000)}${' '.repeat(10)}\r\n`],
    ['a tab before spaces', `${ok}\r\nX-A:\t${' '.repeat(65_000)}\r\n`],
    ['a name without a colon', `${ok}\r\n${'a'.repeat(65_000)}\r\n`],
    ['extensions', `${chunked}5${';a=b'.repeat(1000)}\x01\r\n`],
    ['quoted pairs', `${chunked}5;a="${'\\"'.repeat(2000)}\r\n`],
    ['spaces around close', toLines(ok, `Connection:${' '.repeat(30_000)}close${' '.repeat(30_000)}x`, 'Content-Length: 0')],
  ])('grows with the bytes and not with their square: %s', (_, text) => {
    const pieces = cutBytes(toBytes(text), 'bytewise')
    const start = performance.now()
    readResponse(pieces)
    expect(performance.now() - start).toBeLessThan(maxMs)
  })

  test('64 KiB of chunks of one byte take no noticeable time', () => {
    const start = performance.now()
    expect(readResponse([toBytes(`${chunked}${'1\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`)]).body).toHaveLength(20_000)
    expect(performance.now() - start).toBeLessThan(maxMs)
  })
})
