import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { rssKbOf } from '../../lab/process-stats.ts'
import { flatOut, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import { framings, generate, read, readAll, toTold, type Framing, type Reader } from '../reader.ts'
import { isLacking } from '../portable/lacks.ts'
import { startServer, type Server, type ServerName } from '../server.ts'
import { untilFull } from '../until-full.ts'

const stallMs = 1500

/** 24 MB, which is more than all buffers between an upstream and a reader can hold. */
const longCount = 2400
const longText = (index: number) => ` ${index}${'x'.repeat(10_000)}`
const long: Script = tokens({ count: longCount, text: longText })
const isWhole = (text: string) => text === Array.from({ length: longCount }, (_, index) => longText(index)).join('')

/** Makes an answer of this size from long tokens, for tests of an answer in one piece. */
const large = (megabytes: number): Script => tokens({ count: megabytes * 10, text: 'x'.repeat(100_000) })

/** Reads to the end in pieces of `pieceBytes`, with a pause before each. */
async function readSlowly(reader: Reader, pieceBytes: number) {
  while (!reader.isEnded) {
    reader.pause()
    // This pause makes the reader slow.
    await sleep(250)
    const end = reader.byteCount + pieceBytes
    reader.resume()
    await Promise.race([reader.until(() => reader.byteCount >= end, 10_000), reader.ended])
  }
}

export function describeBackpressure(name: ServerName) {
  // These tests mostly wait, so they run at the same time.
  describe.concurrent('a reader that reads little or nothing', () => {
    let upstream: Upstream
    let server: Server

    beforeAll(async () => {
      upstream = await startUpstream()
      server = await startServer(name, {
        OLLAMA_HOST: upstream.url,
        SLUICE_STALL_TIMEOUT_MS: `${stallMs}`,
        // This setting also limits the size of an answer in one piece.
        SLUICE_MAX_LINE_BYTES: '67108864',
      })
    })
    afterAll(async () => {
      await vi.waitUntil(() => upstream.open === 0, { timeout: 2000 })
      await server.stop()
      await upstream.close()
    })

    const isLogged = (requestId: string, ended: string) => () => {
      const line = server
        .output()
        .split('\n')
        .find((line) => line.includes(requestId))
      return line?.includes(`"ended":"${ended}"`)
    }

    /** Expects that a cut answer does not look complete. */
    async function expectCut(reader: Reader, framing: Framing) {
      expect(await reader.ended).toBe(isLacking(name, 'cut') ? 'clean' : 'broken')
      expect(() => toTold(framing, reader.text)).toThrow(/./)
    }

    test.each(['sse', 'ndjson'] as const)(
      'a reader of %s that never reads is cut at the stall limit, and the upstream with it',
      async (framing) => {
        const model = upstream.script(flatOut({ linesPerChunk: 64 }))
        const requestId = `never-${framing}`
        const sentAt = performance.now()
        const reader = generate(server, framing, model, { headers: { 'x-request-id': requestId } })
        reader.pause()
        const { exchange } = await upstream.next(model)
        await untilFull(exchange)
        const fullAt = performance.now()
        const closedAt = await exchange.closedByReader
        expect(closedAt - sentAt).toBeGreaterThan(stallMs)
        expect(closedAt - fullAt).toBeLessThan(stallMs + 2000)
        await expect.poll(isLogged(requestId, 'stalled'), { timeout: 2000 }).toBe(true)

        reader.resume()
        await expectCut(reader, framing)
      },
    )

    test.each(['sse', 'ndjson'] as const)('a slow reader of %s is not cut, and gets all of a long stream', async (framing) => {
      const model = upstream.script(long)
      const sentAt = performance.now()
      const reader = generate(server, framing, model)
      const { exchange } = await upstream.next(model)
      await readSlowly(reader, 2_000_000)
      await exchange.ended
      expect(performance.now() - sentAt).toBeGreaterThan(stallMs)
      const { text, failed } = toTold(framing, reader.text)
      expect([await reader.ended, failed, isWhole(text)]).toEqual(['clean', undefined, true])
    })

    test.each([3, 24])('a slow reader of stream:false gets %i MB whole', async (megabytes) => {
      const reader = generate(server, 'folded', upstream.script(large(megabytes)))
      await reader.head
      await readSlowly(reader, megabytes * 100_000)
      const { text } = toTold('folded', reader.text)
      expect([await reader.ended, text.length]).toEqual(['clean', megabytes * 1_000_000])
    })

    test('3 MB of stream:false that nobody reads occupy no stream, as they fit in the kernel’s buffers', async () => {
      const options = { headers: { 'x-request-id': 'never-3' } }
      const reader = generate(server, 'folded', upstream.script(large(3)), options)
      reader.pause()
      await expect.poll(isLogged('never-3', 'done'), { timeout: 2 * stallMs }).toBe(true)
      reader.leave()
    })

    test('24 MB of stream:false that nobody reads occupy a stream until the stall limit', async () => {
      const options = { headers: { 'x-request-id': 'never-24' } }
      const reader = generate(server, 'folded', upstream.script(large(24)), options)
      reader.pause()
      await expect.poll(isLogged('never-24', 'stalled'), { timeout: stallMs + 4000 }).toBe(true)
      reader.resume()
      await expectCut(reader, 'folded')
    })
  })

  describe('readers within the default limits', () => {
    let upstream: Upstream
    let server: Server

    beforeAll(async () => {
      upstream = await startUpstream()
      server = await startServer(name, { OLLAMA_HOST: upstream.url, SLUICE_HEARTBEAT_MS: '200' })
    })
    afterAll(async () => {
      await server.stop()
      await upstream.close()
    })

    test.each(['sse', 'ndjson'] as const)(
      'a stalled reader of %s that goes on before the stall limit gets everything',
      async (framing) => {
        const model = upstream.script(long)
        const reader = generate(server, framing, model)
        reader.pause()
        const { exchange } = await upstream.next(model)
        await expect.poll(() => exchange.socket.writableNeedDrain, { timeout: 5000 }).toBe(true)
        reader.resume()
        const { text, failed } = toTold(framing, (await readAll(reader)).text)
        expect([failed, isWhole(text)]).toEqual([undefined, true])
      },
    )

    test('20 stalled readers cost some megabytes each, and the memory stops growing', async () => {
      const rssMb = () => rssKbOf(server.pid) / 1024
      const beforeMb = rssMb()
      const model = upstream.script(flatOut({ linesPerChunk: 64 }))
      const readers = Array.from({ length: 20 }, () => generate(server, 'sse', model))
      for (const reader of readers) reader.pause()
      await expect.poll(() => upstream.requestsFor(model).length).toBe(20)
      await Promise.all(upstream.requestsFor(model).map(({ exchange }) => untilFull(exchange)))
      // Measures how much the memory grows in one second. The test repeats this, because the
      // buffers and the heap must first reach their full size. Without backpressure, the memory
      // would grow by 500 MB for each reader.
      const grownMb = async () => {
        const fromMb = rssMb()
        await sleep(1000)
        return rssMb() - fromMb
      }
      await expect.poll(grownMb, { timeout: 8000 }).toBeLessThan(10)
      expect(rssMb() - beforeMb).toBeLessThan(500)

      for (const reader of readers) reader.leave('reset')
      await expect.poll(() => upstream.open, { timeout: 3000 }).toBe(0)
    })

    test('300 readers at once all get their first token, as no connection limit makes them wait (hazard 29)', async () => {
      const model = upstream.script(thenSilent(1))
      const readers = Array.from({ length: 300 }, () => generate(server, 'sse', model))
      await Promise.all(readers.map((reader) => reader.until((text) => text.includes(' token'), 10_000)))
      expect(upstream.open).toBe(300)
      for (const reader of readers) reader.leave()
      await expect.poll(() => upstream.open, { timeout: 3000 }).toBe(0)
    })
  })

  describe('SLUICE_MAX_STREAMS', () => {
    let upstream: Upstream
    let server: Server

    beforeAll(async () => {
      upstream = await startUpstream()
      const env = { SLUICE_MAX_STREAMS: '2', SLUICE_HEARTBEAT_MS: '200', SLUICE_GRACE_MS: '100' }
      server = await startServer(name, { OLLAMA_HOST: upstream.url, ...env })
    })
    afterAll(async () => {
      await server.stop()
      await upstream.close()
    })

    test('limits the streams: the next gets Retry-After, and is accepted once a reader has disconnected', async () => {
      const model = upstream.script(thenSilent(1))
      const readers = [generate(server, 'sse', model), generate(server, 'sse', model)]
      await Promise.all(readers.map((reader) => reader.until((text) => text.includes(' token'))))

      const refused = upstream.script(silent())
      for (const framing of framings) {
        const { status, headers, text } = await readAll(generate(server, framing, refused))
        expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([503, 'too_many_streams'])
        expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
      }
      expect((await readAll(read(server, { path: '/chat', body: { model: refused, text: 'Hi' } }))).status).toBe(503)
      expect(upstream.requestsFor(refused)).toEqual([])

      readers[0]!.leave()
      const finite = upstream.script(tokens({ count: 1 }))
      const ask = async () => (await readAll(generate(server, 'sse', finite))).status
      await expect.poll(ask, { timeout: 3000 }).toBe(200)
      // The stream of the previous request has ended, so its place must be free again.
      await expect.poll(ask, { timeout: 3000 }).toBe(200)
      readers[1]!.leave()
      await expect.poll(() => upstream.open, { timeout: 3000 }).toBe(0)
    })
  })
}
