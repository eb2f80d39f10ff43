import { describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { createRandom } from '../../random.ts'
import { read, readAll, readRaw, toChunked, toPost, type RawReader } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const body = JSON.stringify({ model: 'smollm2:135m', prompt: 'Hi', text: 'Hi', input: 'Hi' })
const size = `Content-Length: ${body.length}`
const chunked = 'Transfer-Encoding: chunked'

/**
 * The outcome of a request: the status of the answer, or a connection that is closed without an
 * answer.
 */
type Fate = number | 'closed'

/**
 * A request whose HTTP framing is odd, and its fate. `passes` means that the runtime accepts the
 * request. The comment above the row explains why.
 */
interface Framing {
  readonly name: string
  readonly bytes: Uint8Array | string
  readonly fate: Fate
  /** For each runtime where the outcome is not `fate`: its outcome. */
  readonly on?: Partial<Record<RuntimeName, Fate | 'passes'>>
}

const framings: readonly Framing[] = [
  // workerd reads the chunks and closes the connection after the answer, as RFC 9112 §6.1 allows.
  {
    name: 'a length and chunks',
    bytes: toPost('/api/generate', toChunked(body), [size, chunked]),
    fate: 400,
    on: { worker: 'passes' },
  },
  {
    name: 'a length that is too short, and chunks',
    bytes: toPost('/api/generate', toChunked(body), ['Content-Length: 4', chunked]),
    fate: 400,
    on: { worker: 'passes' },
  },
  // RFC 9110 §8.6 allows a server to accept two equal lengths as one.
  {
    name: 'the same length twice',
    bytes: toPost('/api/generate', body, [size, size]),
    fate: 400,
    on: { bun: 'passes', worker: 'passes' },
  },
  { name: 'two lengths', bytes: toPost('/api/generate', body, [size, `Content-Length: ${body.length + 1}`]), fate: 400 },
  { name: 'a list of lengths', bytes: toPost('/api/generate', body, [`${size}, ${body.length}`]), fate: 400 },
  { name: 'a length of abc', bytes: toPost('/api/generate', body, ['Content-Length: abc']), fate: 400 },
  { name: 'a negative length', bytes: toPost('/api/generate', body, ['Content-Length: -5']), fate: 400 },
  { name: 'a length with a plus', bytes: toPost('/api/generate', body, [`Content-Length: +${body.length}`]), fate: 400 },
  { name: 'a hexadecimal length', bytes: toPost('/api/generate', body, ['Content-Length: 0x10']), fate: 400 },
  { name: 'xchunked', bytes: toPost('/api/generate', toChunked(body), ['Transfer-Encoding: xchunked']), fate: 400 },
  {
    name: 'chunked, and something after it',
    bytes: toPost('/api/generate', toChunked(body), [`${chunked}, identity`]),
    fate: 400,
  },
  { name: 'a space before the colon', bytes: toPost('/api/generate', body, [`Content-Length : ${body.length}`]), fate: 400 },
  { name: 'a folded header', bytes: toPost('/api/generate', body, ['X: a', ' b', size]), fate: 400 },
  { name: 'a NUL in a header', bytes: toPost('/api/generate', body, ['X: a\0b', size]), fate: 400 },
  { name: 'a bare CR in a header', bytes: toPost('/api/generate', body, ['X: a\rY: b', size]), fate: 400 },
  // workerd reads a bare LF as the end of a line, as RFC 9112 §2.2 allows.
  { name: 'a bare LF', bytes: toPost('/api/generate', body, [`X: a\nY: b`, size]), fate: 400, on: { worker: 'passes' } },
  {
    name: 'bare LFs only',
    bytes: toPost('/api/generate', body).toString().replaceAll('\r\n', '\n'),
    fate: 400,
    on: { bun: 505, worker: 'passes' },
  },
  {
    name: 'no Host',
    bytes: toPost('/api/generate', body)
      .toString()
      .replace(/Host: .*\r\n/, ''),
    fate: 400,
  },
  // workerd has no limit for headers. In production Cloudflare limits them to 128 KB.
  {
    name: 'a header of 20 KB',
    bytes: toPost('/api/generate', body, [`X: ${'x'.repeat(20_000)}`, size]),
    fate: 431,
    on: { worker: 'passes' },
  },
  {
    name: '20 KB of headers',
    bytes: toPost('/api/generate', body, [...Array.from({ length: 300 }, (_, i) => `X-${i}: ${'x'.repeat(60)}`), size]),
    fate: 431,
    on: { worker: 'passes' },
  },
  { name: 'no HTTP at all', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n', fate: 400 },
  {
    name: 'a method of small letters',
    bytes: toPost('/api/generate', body).toString().replace('POST', 'post'),
    fate: 400,
    on: { bun: 'closed', worker: 501 },
  },
]

/** Odd paths, each with the status for a POST of a good body. */
const paths: readonly (readonly [target: string, status: number])[] = [
  ['/api/pull', 404],
  ['/api/%70ull', 404],
  ['/v1/../api/pull', 404],
  ['/v1/%2e%2e/api/pull', 404],
  ['//api/pull', 404],
  ['/api//pull', 404],
  ['/api/pull/', 404],
  ['/API/PULL', 404],
  ['/api;x/pull', 404],
  ['/api/pull;x', 404],
  ['/api/pull?x', 404],
  ['/api%2Fpull', 404],
  ['/api%2fgenerate', 404],
  ['/api/generate%2F', 404],
  ['/api/generate%00', 404],
  ['/api/generate/..', 404],
  ['/api/blobs/sha256:0', 404],
  ['/%', 404],
  ['/%zz', 404],
  ['/%ff%fe', 404],
  ['http://evil/api/pull', 404],
  ['http://evil/nothing', 404],
]

/** Makes random targets that look similar to the upstream's paths. */
function toTargets(count: number): string[] {
  const random = createRandom(7)
  const roots = [
    ...'pull push create copy delete blobs/sha256:0 generate chat tags show embed ps'.split(' ').map((name) => `/api/${name}`),
    ...'pull delete generate chat show'.split(' ').map((name) => `/ollama/api/${name}`),
    ...'chat/completions completions embeddings models models/a messages responses ../api/pull'
      .split(' ')
      .map((name) => `/v1/${name}`),
    '/ollama/cancel/a',
    '/chat',
  ]
  const inserts = [
    '/',
    '//',
    '/./',
    '/../',
    '%2f',
    '%2F',
    '%5c',
    '\\',
    ';',
    ';x=1',
    '%00',
    '%20',
    '+',
    '..',
    '%2e%2e',
    '%252f',
    '?',
    '?/api/pull',
    '%c0%af',
    '@',
    ':',
    '*',
    '~',
    '%e2%80%ae',
  ]
  const changes: readonly ((text: string) => string)[] = [
    (text) => text.slice(0, random(text.length)) + random.pick(inserts) + text.slice(random(text.length)),
    (text) => `${text}${random.pick(inserts)}`,
    (text) => `${random.pick(inserts)}${text}`,
    (text) => text.replace(/[a-z]/g, (letter) => (random(3) === 0 ? letter.toUpperCase() : letter)),
    (text) => text.replace(/[a-z]/g, (letter) => (random(3) === 0 ? `%${letter.charCodeAt(0).toString(16)}` : letter)),
    (text) => `${random.pick(['/v1', '/ollama', '/chat', '/api', '/ping'])}/..${text}`,
    (text) => `http://${random.pick(['evil', 'localhost:11434', '127.0.0.1'])}${text}`,
    (text) => text.replace('/', random.pick(['//', '/./', '\\', '/%2e/'])),
  ]
  return Array.from({ length: count }, () => {
    let target = random.pick(roots)
    for (let i = random(3); i >= 0; i--) target = random.pick(changes)(target)
    return /^(\/|http:)/.test(target) ? target : `/${target}`
  })
}

/**
 * Waits for the fate of the request. Closes the connection if it is still open after the answer.
 */
async function toFate(reader: RawReader): Promise<Fate> {
  let isClosed = false
  void reader.closed.then(() => (isClosed = true))
  const isAnswered = () => /^HTTP\/1\.[01] \d{3} [^]*\r\n\r\n/.test(reader.text)
  await expect.poll(() => isClosed || isAnswered(), { timeout: 5000, interval: 5 }).toBe(true)
  reader.socket.destroy()
  return isAnswered() ? toStatus(reader) : 'closed'
}

function toStatus({ text }: RawReader): number {
  return Number(text.slice('HTTP/1.1 '.length).slice(0, 3))
}

/** HTTP that normal clients do not send: odd framing, odd paths, pipelined requests. */
export function describeHttp(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('http', () => {
    const stage = useStage(runtime)

    const fates = framings.map(({ name, bytes, fate, on }) => ({ name, bytes, expected: on?.[runtime] ?? fate }))
    test.each(fates)('$name: $expected', async ({ bytes, expected }) => {
      const reader = readRaw(stage.server, bytes)
      if (expected === 'passes') {
        await expect.poll(() => reader.text).toMatch(/^HTTP\/1\.1 200 [^]*"done":true/)
        reader.socket.destroy()
        expect(stage.upstream.requests.at(-1)).toMatchObject({ target: '/api/generate', json: { prompt: 'Hi', stream: true } })
        return
      }
      const asked = await countRequests(stage, async () => {
        expect(await toFate(reader)).toBe(expected)
        expect(reader.text).not.toContain('request_id')
      })
      expect(asked).toBe(0)
      expect(await readAll(read(stage.server, { path: '/ping' }))).toMatchObject({ status: 200 })
    })

    test('malformed chunks are a 400, and the upstream gets no request', async () => {
      const asked = await countRequests(stage, async () => {
        const reader = readRaw(stage.server, toPost('/api/generate', `zz\r\n${body}\r\n0\r\n\r\n`, [chunked]))
        expect(await toFate(reader)).toBe(400)
        // workerd calls Sluice before it has read the body. So on workerd the answer comes from
        // Sluice. On Node and Bun, the runtime itself answers.
        if (runtime === 'worker') expect(reader.text).toContain('"code":"invalid_json"')
        else expect(reader.text).not.toContain('request_id')
      })
      expect(asked).toBe(0)
    })

    test.each([
      ['two hosts', ['Host: evil']],
      ['the same host twice', ['Host: 127.0.0.1']],
      ['three hosts', ['Host: a', 'Host: b']],
    ])('%s are refused', async (_name, hosts) => {
      const asked = await countRequests(stage, async () => {
        for (const path of ['/api/generate', '/chat', '/api/embed', '/nothing']) {
          const reader = readRaw(stage.server, toPost(path, body, [...hosts, size]))
          expect(await toFate(reader)).toBe(403)
          expect(reader.text).toContain('"code":"forbidden_host"')
        }
      })
      expect(asked).toBe(0)
    })

    test.each(['a, b', 'a b', 'a/b', 'user@a', 'a?b', '<a>', ''])('Host: %s does not pass', async (host) => {
      const asked = await countRequests(stage, async () => {
        const bytes = toPost('/api/generate', body)
          .toString()
          .replace(/Host: .*/, `Host: ${host}`)
        expect([400, 403]).toContain(await toFate(readRaw(stage.server, bytes)))
      })
      expect(asked).toBe(0)
    })

    describe('paths', () => {
      each(paths)('%s is %i', async (target, status) => {
        const asked = await countRequests(stage, async () => {
          expect(await toFate(readRaw(stage.server, toPost(target, body)))).toBe(status)
        })
        expect(asked).toBe(0)
      })

      test.each(['GET', 'POST', 'OPTIONS'])('%s * is refused', async (method) => {
        const asked = await countRequests(stage, async () => {
          const bytes = toPost('*', body).toString().replace('POST', method)
          expect(await toFate(readRaw(stage.server, bytes))).toSatisfy((fate) => fate === 'closed' || fate >= 400)
        })
        expect(asked).toBe(0)
      })

      test('whatever the spelling, the upstream sees only constant paths of the route table', async () => {
        const known = ['generate', 'chat', 'embed', 'embeddings', 'show', 'tags', 'ps', 'version'].map((name) => `/api/${name}`)
        const before = stage.upstream.requests.length
        const targets = toTargets(300)
        expect(new Set(targets).size).toBeGreaterThan(250)
        for (let from = 0; from < targets.length; from += 20) {
          await Promise.all(
            targets
              .slice(from, from + 20)
              .flatMap((target) => [
                toFate(readRaw(stage.server, toPost(target, body))),
                toFate(readRaw(stage.server, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)),
              ]),
          )
        }
        const seen = stage.upstream.requests.slice(before).map(({ target }) => target)
        expect(seen.length).toBeGreaterThan(0)
        expect(seen.filter((target) => !known.includes(target))).toEqual([])
        expect(stage.upstream.strangers).toEqual([])
      })
    })

    describe('F28: pipelined requests', () => {
      const ask = (model: string) => toPost('/api/generate', JSON.stringify({ model, prompt: 'Hi' }))
      const ping = 'GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
      const statusesOf = ({ text }: RawReader) => text.match(/HTTP\/1\.1 \d+/g)?.map((line) => Number(line.slice(-3)))

      test('are answered in order where the answers are small', async () => {
        const bytes = Buffer.concat([Buffer.from(ping), Buffer.from(ping.replace('/ping', '/nothing')), ask('smollm2:135m')])
        const reader = readRaw(stage.server, bytes)
        await expect.poll(() => reader.text, { timeout: 5000 }).toContain('"done":true')
        reader.socket.destroy()
        expect(statusesOf(reader)).toEqual([200, 404, 200])
      })

      // uWebSockets, the HTTP server of Bun, has no pipelining. If a second request arrives during
      // an answer, Bun closes the connection.
      if (runtime === 'bun') {
        test('behind a stream end the connection: never an answer in the wrong order, and the upstream is stopped', async () => {
          const slow = stage.upstream.script(thenSilent(1))
          const reader = readRaw(stage.server, ask(slow))
          await expect.poll(() => reader.text).toContain('token')
          const { exchange } = await stage.upstream.next(slow)
          const before = reader.text
          reader.socket.write(ask('smollm2:135m'))
          await Promise.all([reader.closed, exchange.closedByReader])
          expect(reader.text).toBe(before)
        })
      } else {
        test('behind a stream are answered in order', async () => {
          const slow = stage.upstream.script(tokens({ count: 5, perSecond: 50, text: (i) => `slow${i}` }))
          const quick = stage.upstream.script(tokens({ count: 5, text: (i) => `quick${i}` }))
          const reader = readRaw(stage.server, Buffer.concat([ask(slow), ask(quick), toPost('/nothing', body)]))
          await expect.poll(() => reader.text, { timeout: 5000 }).toContain('not_found')
          reader.socket.destroy()
          expect(statusesOf(reader)).toEqual([200, 200, 404])
          const order = ['slow0', 'slow4', '"done":true', 'quick0', 'quick4', '"done":true', 'not_found']
          let at = 0
          for (const part of order) {
            at = reader.text.indexOf(part, at)
            expect(at, part).toBeGreaterThan(-1)
          }
        })
      }
    })
  })
}
