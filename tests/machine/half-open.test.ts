import { readdirSync } from 'node:fs'
import type { ChildProcess } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { flatOut, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, readAll, toTold } from '../runtimes/reader.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { layCable, type Cable } from './cable.ts'

const stallMs = 2000
const totalMs = 6000

describe.each(['node', 'bun'] as const)('F27: %s, when a reader’s cable is pulled', (runtime) => {
  let cable: Cable
  let upstream: Upstream
  let server: Server
  let curl: ChildProcess | undefined

  beforeEach(async () => {
    cable = layCable()
    upstream = await startUpstream()
    server = await startServer(runtime, {
      OLLAMA_HOST: upstream.url,
      HOST: '0.0.0.0',
      SLUICE_INSECURE: '1',
      SLUICE_ALLOWED_HOSTS: cable.address,
      SLUICE_STALL_TIMEOUT_MS: `${stallMs}`,
      SLUICE_TOTAL_TIMEOUT_MS: `${totalMs}`,
    })
  })
  afterEach(async () => {
    curl?.kill('SIGKILL')
    await server.stop()
    await upstream.close()
    cable.remove()
  })

  /**
   * Reads a stream on the other machine and pulls the cable. Returns the milliseconds from the pull
   * until Sluice closed the connection to the upstream.
   */
  async function pullWithin(script: Script): Promise<number> {
    const model = upstream.script(script)
    const body = JSON.stringify({ model, prompt: 'Hi' })
    const headers = ['-H', 'accept: text/event-stream', '-H', 'x-request-id: cut-off']
    curl = cable.spawn('curl', ['-sN', `http://${cable.address}:${server.port}/api/generate`, ...headers, '-d', body])
    let taken = 0
    curl.stdout!.on('data', (bytes: Buffer) => (taken += bytes.byteLength))
    const { exchange } = await upstream.next(model)
    await expect.poll(() => taken).toBeGreaterThan(1000)

    const pulledAt = performance.now()
    cable.pull()
    return (await exchange.closedByReader) - pulledAt
  }

  async function answers() {
    const { status, text } = await readAll(generate(server, 'sse', upstream.script(tokens({ count: 2 }))))
    expect([status, toTold('sse', text).text]).toEqual([200, ' token token'])
  }

  const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length

  test('a flat-out stream is cut at the stall limit, once the buffers are full', async () => {
    await answers()
    const before = descriptors()
    const tookMs = await pullWithin(flatOut({ linesPerChunk: 64 }))
    expect(tookMs).toBeGreaterThan(stallMs - 100)
    expect(tookMs).toBeLessThan(stallMs + 15_000)
    await expect.poll(() => server.output()).toMatch(/"request_id":"cut-off".*"ended":"stalled"/)
    await answers()
    // A cut must not leave the connection open until the kernel gives up (docs/hazards.md#78).
    await expect.poll(() => descriptors(), { timeout: 10_000 }).toBeLessThanOrEqual(before)
    expect(upstream.open).toBe(0)
    expect(server.errors()).toBe('')
  })

  test('a paced stream ends at the total deadline: its buffers do not fill', async () => {
    const tookMs = await pullWithin(tokens({ count: 1e6, perSecond: 20 }))
    expect(tookMs).toBeLessThan(totalMs + 1000)
    // The terminal cannot reach the reader either, so the stream may end as stalled instead of
    // failed.
    await expect
      .poll(() => server.output(), { timeout: stallMs + 15_000 })
      .toMatch(/"request_id":"cut-off".*"ended":"(?:stalled|failed)"/)
  })
})
