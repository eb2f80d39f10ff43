import http from 'node:http'
import { Duplex } from 'node:stream'
import type { Random } from '../random.ts'
import { mutateBytes } from './mutate.ts'

/** What a program made of a response that it accepted. */
export interface Accepted {
  readonly status: number
  /** Names in lower case. Equal names are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  /** As latin1. */
  readonly body: string
}

const statuses =
  '200,200 ,404 Not Found,500 \xe9\t!,204 No Content,304 Not Modified,201 Created,102 Processing,100 Continue'.split(',')
const oddStatuses = '101 Switching Protocols,99 Low,600 High,999 ,2000 OK, 200 OK,200\tOK,+200 OK,20 OK'.split(',')
const statusLines = statuses.concat(oddStatuses).map((rest) => `HTTP/1.1 ${rest}`)
const oddStatusLines = [
  'http/1.1 200 OK',
  'HTTP/1.10 200 OK',
  'HTTP/2.0 200 OK',
  'HTTP/0.9 200 OK',
  'HTTP/1.1  200 OK',
  'ICY 200 OK',
]

const lengths = [
  '0',
  '5',
  '05',
  '7',
  '12',
  '+5',
  '-5',
  ' 5 ',
  '\t5\t',
  '5 5',
  '5, 5',
  '5,',
  '',
  '0x5',
  '5.0',
  '1e1',
  '99999999999999999999',
  '9'.repeat(15),
]
const codings = [
  'chunked',
  'Chunked',
  ' chunked\t',
  'chunked \t ',
  '\tchunked',
  'chunked, chunked',
  'gzip, chunked',
  'chunked, gzip',
  'identity',
  '',
  'xchunked',
  'chunked;a=b',
  '"chunked"',
  'chunked ,',
]
const connections = [
  'close',
  'keep-alive',
  'Close',
  'keep-alive, close',
  'closed',
  'upgrade',
  ' close\t',
  'close\xa0',
  ',close,',
]
const names = [
  'X-A',
  'x-a',
  'Content-Type',
  'x_a',
  'X A',
  'X-A ',
  ' X-A',
  'X-\xe9',
  '',
  '(a)',
  'X-A\t',
  'Set-Cookie',
  "!#$%&'*+-.^_`|~09",
]
const values = [
  'text/plain',
  '',
  ' a  b\t',
  '\xe9\xff\x80',
  'a\x7f',
  'a\x01b',
  'a\0b',
  'a\rb',
  'a\r\n b',
  'a\nX-B: c',
  'a\r\n\tb',
  ':',
  'a'.repeat(300),
]
const ends = [...Array.from({ length: 12 }, () => '\r\n'), '\n', '\r', '\r\r\n', '\n\r\n', ' \r\n', '']

const extensions = [
  ';a',
  ';a=b',
  ';a="b c"',
  ';a="\\"\xe9"',
  ';a=b;c',
  ' ;a',
  '; a',
  ';a =b',
  ';a= b',
  ';',
  ';;a',
  ';a=',
  ';a="',
  ';a="b',
  ';a="b"c',
  ';a\x01',
  ';a="\x01"',
  ';a="\\\x01"',
  ';a="\t"',
  ' ',
  '\t',
  ';(',
  ';a=(',
  ';a="b";',
  ';a=\xe9',
  `;${'a'.repeat(5000)}`,
]
const sizes = [
  '+5',
  '-5',
  ' 5',
  '0x5',
  '5h',
  '',
  '00000005',
  '0000000000005',
  '0000000000000005',
  '10000000000000000',
  '10000000000000005',
  'ffffffffffffffff',
  'fffffffff',
  '5 5',
  '5,',
]
const trailers = [
  'X-T: 1\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'X-T\r\n',
  ' fold\r\n',
  'X-T : 1\r\n',
  'X-T: 1\n',
  'X-T: a\x01\r\n',
  ': a\r\n',
  'X-\xe9: a\r\n',
]
const behind = ['\r\n', 'x', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '0\r\n\r\n', '\0']

/** In most cases the usual value, so that most responses have few oddities. */
const rarely = (random: Random, usual: string, odd: readonly string[], oneIn = 25) =>
  random(oneIn) === 0 ? random.pick(odd) : usual
const toText = (random: Random) => 'hello\r\n0\r\n\r\n5\r\nworld'.slice(random(12), random(22))

function toChunk(random: Random, text: string): string {
  const size = rarely(random, text.length.toString(16), sizes, 60)
  const extension = rarely(random, '', extensions, 20)
  return `${size}${extension}${rarely(random, '\r\n', ends, 150)}${text}${rarely(random, '\r\n', ends, 150)}`
}

function toChunks(random: Random): string {
  const chunks = Array.from({ length: random(4) }, () => toChunk(random, toText(random) || 'x'))
  const last = `${rarely(random, '0', ['00', '000', '', '0x0', '-0'], 30)}${rarely(random, '', extensions, 20)}`
  return `${chunks.join('')}${last}${rarely(random, '\r\n', ends, 150)}${rarely(random, '', trailers, 10)}${rarely(random, '\r\n', ends, 150)}`
}

function toField(random: Random, name: string, value: string): string {
  return `${name}${rarely(random, ':', [' :', '', '::', ': '], 30)}${rarely(random, ' ', ['', '\t', '  '], 10)}${value}${rarely(random, '\r\n', ends, 150)}`
}

function toHead(random: Random, framing: readonly string[]): string {
  const status = random(100) === 0 ? random.pick(oddStatusLines) : rarely(random, 'HTTP/1.1 200 OK', statusLines, 10)
  const fields = [
    ...framing,
    ...Array.from({ length: random(3) }, () =>
      toField(random, rarely(random, 'X-A', names, 20), rarely(random, 'b', values, 20)),
    ),
  ]
  if (random(4) === 0) fields.push(toField(random, 'Connection', random.pick(connections)))
  if (random(80) === 0) fields.push('X-Many: 1\r\n'.repeat(190 + random(20)))
  if (random(2) === 0) fields.reverse()
  return `${random(12) === 0 ? status.replace('1.1', '1.0') : status}${rarely(random, '\r\n', ends, 150)}${fields.join('')}${rarely(random, '\r\n', ends, 150)}`
}

function toPlain(random: Random): string {
  const text = toText(random)
  const length = () => toField(random, 'Content-Length', rarely(random, String(text.length), lengths, 15))
  const coding = () => toField(random, 'Transfer-Encoding', rarely(random, 'chunked', codings, 15))
  const interim = random(12) === 0 ? toHead(random, random(4) === 0 ? [length()] : []).replace(/ 200 OK/, ' 100 Continue') : ''
  switch (random(30)) {
    case 0:
      return interim + toHead(random, []) + text
    case 1:
      return interim + toHead(random, [length(), coding()]) + (random(2) === 0 ? text : toChunks(random))
    case 2:
      return interim + toHead(random, [length(), length()]) + text
    default:
      return interim + (random(3) === 0 ? toHead(random, [length()]) + text : toHead(random, [coding()]) + toChunks(random))
  }
}

/** Writes a response that is good, or has some faults. */
export function toSpoiltResponse(random: Random): { method: 'GET' | 'HEAD' | 'POST'; bytes: Uint8Array } {
  const bytes = Buffer.from(
    rarely(random, '', ['\r\n', '\n', ' ', '\r\n\r\n'], 100) + toPlain(random) + rarely(random, '', behind),
    'latin1',
  )
  const spoilt = random(4) === 0 ? mutateBytes(random, bytes, Buffer.from(toPlain(random), 'latin1')) : bytes
  return { method: random(12) === 0 ? 'HEAD' : random.pick(['GET', 'POST']), bytes: spoilt }
}

/** Reads a response with `node:http`, without a socket. Returns its error if it refuses it. */
export function readWithNode(method: string, bytes: Uint8Array): Promise<Accepted | Error> {
  return new Promise((resolve) => {
    let accepted: Accepted | undefined
    let failure: Error | undefined
    let open = 1
    const close = () => --open === 0 && resolve(failure ?? accepted ?? new Error('No response'))
    const socket = new Duplex({
      read() {
        this.push(bytes)
        this.push(null)
      },
      write: (_bytes, _encoding, done) => done(),
    })
    const request = http.request({ method, host: 'ollama', maxHeaderSize: 131_072, createConnection: () => socket })
    request.on('error', (error) => (failure ??= error))
    request.on('response', (response) => {
      const pieces: Buffer[] = []
      open++
      response.on('close', close)
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', (error) => (failure ??= error))
      response.on('end', () => {
        const headers: Record<string, string> = {}
        for (let at = 0; at < response.rawHeaders.length; at += 2) {
          const [name, value] = [response.rawHeaders[at]!.toLowerCase(), response.rawHeaders[at + 1]!]
          headers[name] = name in headers ? `${headers[name]}, ${value}` : value
        }
        accepted = { status: response.statusCode!, headers, body: Buffer.concat(pieces).toString('latin1') }
      })
    })
    request.on('close', close)
    request.end()
  })
}
