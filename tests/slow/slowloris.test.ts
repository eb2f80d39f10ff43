import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { readRaw, toPost, type RawReader } from '../runtimes/reader.ts'
import { startServer, type Server } from '../runtimes/server.ts'

/**
 * The seconds after which each runtime must have cut the connection. Node and Deno check for timeouts
 * every second, and Bun every 4 s. After a success, Bun keeps the connection for 60 s. After an error,
 * Bun keeps it for 10 s. workerd has its own limits for request heads.
 */
const limits = {
  node: { head: 12, nextHead: 12, body: 32 },
  deno: { head: 12, nextHead: 12, body: 32 },
  bun: { head: 16, nextHead: 66, body: 46 },
  worker: { head: 20, nextHead: 20, body: 32 },
} as const

const ping = 'GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'

describe.concurrent.each(['node', 'bun', 'deno', 'worker'] as const)('F26: %s', (runtime) => {
  const limit = limits[runtime]
  let upstream: Upstream
  let server: Server

  beforeAll(async () => {
    upstream = await startUpstream()
    server = await startServer(runtime, { OLLAMA_HOST: upstream.url })
  })
  afterAll(async () => {
    await server.stop()
    await upstream.close()
  })

  /**
   * Sends a little more each second. Returns the answer, the seconds until the answer began, and
   * the seconds until the connection was closed.
   */
  async function trickle(first: string | Uint8Array, next: (count: number) => string) {
    const startedAt = performance.now()
    const secondsSince = () => (performance.now() - startedAt) / 1000
    const reader: RawReader = readRaw(server, first)
    let toldAfter: number | undefined
    reader.socket.on('data', () => (toldAfter ??= secondsSince()))
    let count = 0
    const timer = setInterval(() => void reader.socket.write(next(count++)), 1000)
    await reader.closed
    clearInterval(timer)
    return { seconds: secondsSince(), toldAfter, text: reader.text }
  }

  test('a head that takes more than 10 s is cut', async () => {
    const { seconds, text } = await trickle('POST /api/generate HTTP/1.1\r\nHost: a\r\n', (count) => `X-${count}: y\r\n`)
    expect(seconds).toBeGreaterThan(9)
    expect(seconds).toBeLessThan(limit.head)
    expect(text).toMatch(/^(HTTP\/1\.1 408|$)/)
  })

  test('a connection that sends nothing is cut as well', async () => {
    expect((await trickle('', () => '')).seconds).toBeLessThan(limit.head)
  })

  test('a slow head behind a complete request is cut as well', async () => {
    const { seconds, text } = await trickle(ping, (count) => (count === 0 ? 'GET /ping HTTP/1.1\r\nX: ' : 'y'))
    expect(seconds).toBeLessThan(limit.nextHead)
    expect(text).toContain('HTTP/1.1 200')
  })

  test.each([
    ['with a length', toPost('/api/generate', '{', ['Content-Length: 1000']), ' '],
    ['in chunks', toPost('/api/generate', '1\r\n{\r\n', ['Transfer-Encoding: chunked']), '1\r\n \r\n'],
  ])('a body %s that takes more than 30 s is cut, and no request is sent to the upstream', async (_, first, next) => {
    const { seconds, toldAfter, text } = await trickle(first, () => next)
    expect(seconds).toBeGreaterThan(29)
    expect(seconds).toBeLessThan(limit.body)
    expect(text).toMatch(/^(?:HTTP\/1\.1 408|HTTP\/1\.1 400[^]*The body took longer than 30 s to arrive|$)/)
    if (toldAfter !== undefined) expect(toldAfter).toBeLessThan(32)
    expect(upstream.requests.filter(({ target }) => target === '/api/generate')).toEqual([])
  })
})
