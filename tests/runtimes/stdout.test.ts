import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, read, readAll, readRaw, type Reader } from './reader.ts'
import { startServer, type Server } from './server.ts'

/**
 * This many requests cause more log lines than Sluice's log queue and the buffers of a pipe and a
 * socket can hold together.
 */
const requests = 6000
const longId = 'r'.repeat(128)
const ping = `GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: ${longId}\r\n\r\n`

describe.each(['node', 'bun', 'deno'] as const)('F32: %s, when its standard output is', (runtime) => {
  let upstream: Upstream
  let server: Server
  let stream: Reader

  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(() => upstream.close())

  beforeEach(async () => {
    server = await startServer(runtime, { OLLAMA_HOST: upstream.url })
    stream = generate(server, 'sse', upstream.script(tokens({ count: 1e6, perSecond: 50 })))
    await stream.until((text) => text.includes('token'))
  })
  afterEach(async () => {
    stream.leave()
    await server.stop()
  })

  /** Expects that the stream still receives tokens. */
  async function goesOn() {
    const count = stream.byteCount
    await stream.until(() => stream.byteCount > count + 1000)
  }

  /** Sends all requests pipelined on one connection. */
  async function askOften() {
    const reader = readRaw(server, ping.repeat(requests))
    const countAnswers = () => reader.text.split('HTTP/1.1 200').length - 1
    await expect.poll(countAnswers, { timeout: 15_000 }).toBe(requests)
    reader.socket.destroy()
  }

  test('not read, streams continue, requests are answered, and lines are dropped; then it logs how many', async () => {
    server.stdout.pause()
    await askOften()
    await goesOn()
    expect(server.errors()).toBe('')

    server.stdout.resume()
    await expect.poll(() => server.errors()).toMatch(/^\d+ lines of the access log were dropped, because .*\n$/)
    const dropped = Number.parseInt(server.errors(), 10)
    const countLines = () => server.output().split(`"request_id":"${longId}"`).length - 1
    await expect.poll(countLines).toBe(requests - dropped)
    expect(dropped).toBeGreaterThan(100)

    await readAll(read(server, { path: '/ping', headers: { 'x-request-id': 'afterwards' } }))
    await expect.poll(() => server.output()).toContain('"request_id":"afterwards"')
  })

  test('closed, streams continue and requests are answered', async () => {
    server.stdout.destroy()
    await askOften()
    await goesOn()
    // Deno learns only after a while that the pipe is closed. Until then lines wait, or are dropped.
    const isDropping = /^\d+ lines of the access log were dropped, because .*\n$/
    expect(server.errors()).toMatch(runtime === 'deno' ? new RegExp(`^$|${isDropping.source}`) : /^$/)
  })
})
