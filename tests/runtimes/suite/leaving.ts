import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { flatOut, ndjson, pause, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Exchange, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import { framings, generate, read, readAll, readRaw, toTold, type Framing, type Leave, type Reader } from '../reader.ts'
import { startServer, toRuntime, type Server, type ServerName } from '../server.ts'
import { untilFull } from '../until-full.ts'

const heartbeatMs = 200
const stallMs = 1000
const firstTokenMs = 1500

/**
 * The time within which the connection to the upstream must be closed. It is long, because this
 * machine may be busy. The benchmark checks the real limit, 25 ms.
 */
const soonMs = 1000

const leaves = ['fin', 'reset'] as const satisfies readonly Leave[]

/**
 * Sends a token. Once the test calls `pass`, the script sends twenty more tokens, one every 50 ms,
 * and a done line.
 */
const tokenThenMore: Script = async (exchange) => {
  exchange.head(200, ndjson)
  const send = () => exchange.chunk(`${toDeltaLine(exchange.request, ' token')}\n`)
  send()
  await exchange.passed
  for (let count = 0; count < 20 && exchange.isOpen; count++) {
    send()
    await pause(exchange, 50)
  }
  exchange.chunk(`${toDoneLine(exchange.request, 21)}\n`)
  exchange.end()
}

/** Sends a done line and does not end the body. */
const doneThenSilent: Script = (exchange) => {
  exchange.head(200, ndjson)
  exchange.chunk(`${toDeltaLine(exchange.request, ' token')}\n${toDoneLine(exchange.request, 1)}\n`)
}

const isFirst = (text: string) => text.includes(' token')

/** Resolves once all bytes have been given to the kernel. */
async function untilSent(socket: Socket) {
  await expect.poll(() => !socket.connecting && socket.writableLength === 0).toBe(true)
}

export function describeLeaving(name: ServerName) {
  const runtime = toRuntime(name)
  describe('a reader that disconnects', () => {
    let upstream: Upstream
    let server: Server

    beforeAll(async () => {
      upstream = await startUpstream()
      server = await startServer(name, {
        OLLAMA_HOST: upstream.url,
        SLUICE_GRACE_MS: '100',
        SLUICE_HEARTBEAT_MS: `${heartbeatMs}`,
        SLUICE_STALL_TIMEOUT_MS: `${stallMs}`,
        SLUICE_FIRST_TOKEN_TIMEOUT_MS: `${firstTokenMs}`,
      })
    })
    afterAll(async () => {
      await server.stop()
      await upstream.close()
    })

    // After each test no upstream connection may be open, the next request must work, and the log
    // must have no error.
    afterEach(async () => {
      await expect.poll(() => upstream.open, { timeout: 5000 }).toBe(0)
      const { status, text } = await readAll(generate(server, 'sse', upstream.script(tokens({ count: 2 }))))
      expect([status, toTold('sse', text).text]).toEqual([200, ' token token'])
      expect(server.output()).not.toMatch(/\n\s+at |"cause"|Error/)
    })

    /** Returns the access log line of a request. */
    async function logged(requestId: string): Promise<Record<string, unknown>> {
      const find = () =>
        server
          .output()
          .split('\n')
          .find((line) => line.includes(requestId))
      await expect.poll(find, { timeout: firstTokenMs + 2000 }).toBeDefined()
      return JSON.parse(find()!) as Record<string, unknown>
    }

    let count = 0
    /** Starts a stream and waits until it has reached `point`. */
    async function reach(point: Point, framing: Framing) {
      const model = upstream.script(point.script)
      const requestId = `leaving-${++count}`
      const reader = generate(server, framing, model, { headers: { 'x-request-id': requestId } })
      const { exchange } = await upstream.next(model)
      await point.reached(reader, exchange, framing)
      return { reader, exchange, requestId }
    }

    /**
     * Disconnects the reader. Resolves with the milliseconds until the upstream saw that its
     * connection was closed.
     */
    async function leave(reader: Reader, exchange: Exchange, how: Leave): Promise<number> {
      const leftAt = performance.now()
      reader.leave(how)
      return (await exchange.closedByReader) - leftAt
    }

    interface Point {
      readonly name: string
      readonly script: Script
      reached(reader: Reader, exchange: Exchange, framing: Framing): Promise<void>
    }

    const points: Point[] = [
      { name: 'before the upstream’s headers', script: silent(), reached: async () => {} },
      {
        name: 'after the upstream’s headers, before a token',
        script: thenSilent(0),
        reached: async () => {},
      },
      {
        name: 'between tokens',
        script: thenSilent(1),
        // The reader of a folded answer receives nothing before the answer is complete. So
        // this point is reached once the upstream has the request.
        reached: (reader, _, framing) => (framing === 'folded' ? Promise.resolve() : reader.until(isFirst)),
      },
      {
        name: 'after the opening, before a token',
        script: silent(),
        // Only SSE sends an opening before the first token.
        reached: (reader, _, framing) => (framing === 'sse' ? reader.until((text) => text !== '') : Promise.resolve()),
      },
    ]
    const notReading: Point = {
      name: 'while not reading',
      script: flatOut({ linesPerChunk: 64 }),
      async reached(reader, exchange) {
        await reader.until(isFirst)
        reader.pause()
        await untilFull(exchange)
      },
    }

    // workerd notices a disconnected reader only when a write fails (docs/hazards.md#11). Only SSE
    // writes heartbeats, so on workerd only SSE is tested.
    const noticed = runtime === 'worker' ? (['sse'] as const) : framings
    describe.each(noticed)('of %s', (framing) => {
      describe.each(leaves)('by %s', (how) => {
        test.each(points)('$name closes the upstream', async (point) => {
          const { reader, exchange, requestId } = await reach(point, framing)
          expect(await leave(reader, exchange, how)).toBeLessThan(soonMs)
          expect(await logged(requestId)).toMatchObject({ ended: 'left', route: '/api/generate' })
        })
      })
    })

    // If a reader stops reading and then sends a FIN, the server cannot always notice the FIN
    // (docs/hazards.md#38). So the stall limit must end the stream of such a reader.
    describe.each(['sse', 'ndjson'] as const)('of %s', (framing) => {
      test.each(leaves)('by %s, while not reading, closes the upstream at the stall limit at the latest', async (how) => {
        const { reader, exchange, requestId } = await reach(notReading, framing)
        expect(await leave(reader, exchange, how)).toBeLessThan(soonMs + stallMs)
        expect((await logged(requestId)).ended).toMatch(/^(?:left|stalled)$/)
      })

      test('by a FIN behind data that it has not read closes the upstream at the stall limit at the latest', async () => {
        const { reader, exchange, requestId } = await reach(notReading, framing)
        expect(await leave(reader, exchange, 'half-close')).toBeLessThan(soonMs + stallMs)
        expect((await logged(requestId)).ended).toMatch(/^(?:left|stalled)$/)
        reader.leave()
      })
    })

    describe.each(framings)('of %s', (framing) => {
      test.each(leaves)('by %s, at done, keeps no connection open', async (how) => {
        const model = upstream.script(doneThenSilent)
        const reader = generate(server, framing, model)
        const { exchange } = await upstream.next(model)
        await reader.until((text) => text.includes('"done":true'))
        reader.leave(how)
        // After the done line Sluice reads for up to 50 ms more. If the body ends in that time, the
        // connection can be used again (docs/hazards.md#16). Here the body does not end, so Sluice
        // must close the connection.
        await exchange.closedByReader
      })

      test.each(leaves)('by %s, after done, is logged as done', async (how) => {
        const requestId = `leaving-${++count}`
        const options = { headers: { 'x-request-id': requestId } }
        const reader = generate(server, framing, upstream.script(tokens({ count: 1 })), options)
        expect(await reader.ended).toBe('clean')
        reader.leave(how)
        expect(await logged(requestId)).toMatchObject({ ended: 'done' })
      })
    })

    test.each(leaves)('by %s, in the middle of its head, causes no request to the upstream', async (how) => {
      const asked = upstream.requests.length
      const { socket } = readRaw(server, 'POST /api/generate HTTP/1.1\r\nhost: localhost\r\ncontent-le')
      await untilSent(socket)
      if (how === 'fin') socket.destroy()
      else socket.resetAndDestroy()
      expect(upstream.requests).toHaveLength(asked)
    })

    test.each(leaves)('by %s, in the middle of its body, causes no request to the upstream', async (how) => {
      const asked = upstream.requests.length
      const requestId = `leaving-${++count}`
      const head = `POST /api/generate HTTP/1.1\r\nhost: localhost\r\nx-request-id: ${requestId}\r\ncontent-length: 1000\r\n\r\n`
      const { socket } = readRaw(server, `${head}{"model":"any","prompt":"`)
      await untilSent(socket)
      if (how === 'fin') socket.destroy()
      else socket.resetAndDestroy()
      // For a FIN in the body, workerd reports the same error as for broken chunks, so Sluice
      // answers with 400. After an RST workerd runs no more code, so there is no log line. Deno
      // reports the error of the body before that of the connection.
      if (runtime === 'node' || runtime === 'bun' || (runtime === 'deno' && how === 'reset'))
        expect(await logged(requestId)).toMatchObject({ status: 499, ended: 'left' })
      else if (how === 'fin') expect(await logged(requestId)).toMatchObject({ status: 400, code: 'invalid_json' })
      expect(upstream.requests).toHaveLength(asked)
    })

    if (runtime === 'worker') describeLimitsOfWorkerd()
    else describeWhatProcessesNotice()

    function describeWhatProcessesNotice() {
      test.each(framings)('a half-close counts as a disconnect (hazard 13): %s', async (framing) => {
        const { reader, exchange, requestId } = await reach(points[2]!, framing)
        expect(await leave(reader, exchange, 'half-close')).toBeLessThan(soonMs)
        expect(await logged(requestId)).toMatchObject({ ended: 'left' })
      })

      test.each(leaves)('by %s, while its texts are embedded, stops the embedding', async (how) => {
        const undo = upstream.on('POST /api/embed', silent())
        const model = `embedded-by-${how}`
        const reader = read(server, { path: '/api/embed', body: { model, input: 'Hi' } })
        const { exchange } = await upstream.next(model)
        expect(await leave(reader, exchange, how)).toBeLessThan(soonMs)
        undo()
      })
    }

    function describeLimitsOfWorkerd() {
      test.each(framings)('a half-close does not count as a disconnect (hazard 13): %s', async (framing) => {
        const { reader, exchange } = await reach({ ...points[2]!, script: tokenThenMore }, framing)
        reader.leave('half-close')
        exchange.pass()
        expect(await reader.ended).toBe('clean')
        expect(toTold(framing, reader.text).text).toBe(' token'.repeat(21))
      })

      test.each(leaves)('a reader of NDJSON that disconnects by %s is noticed at the next lines', async (how) => {
        const { reader, exchange, requestId } = await reach({ ...points[2]!, script: tokenThenMore }, 'ndjson')
        reader.leave(how)
        exchange.pass()
        await exchange.closedByReader
        expect(await logged(requestId)).toMatchObject({ ended: 'left' })
      })

      test.each(['ndjson', 'folded'] as const)(
        'a reader of %s that disconnects before the first token holds the upstream no longer than the first-token limit',
        async (framing) => {
          const { reader, exchange } = await reach(points[0]!, framing)
          expect(await leave(reader, exchange, 'fin')).toBeLessThan(firstTokenMs + soonMs)
        },
      )

      test('a reader of stream:false that disconnects holds the upstream no longer than its answer', async () => {
        const { reader, exchange } = await reach({ ...points[2]!, script: tokenThenMore }, 'folded')
        reader.leave()
        exchange.pass()
        await exchange.ended
      })

      test('a reader that disconnects while its texts are embedded holds the upstream no longer than the first-token limit', async () => {
        const undo = upstream.on('POST /api/embed', silent())
        const reader = read(server, { path: '/api/embed', body: { model: 'embedded', input: 'Hi' } })
        const { exchange } = await upstream.next('embedded')
        expect(await leave(reader, exchange, 'fin')).toBeLessThan(firstTokenMs + soonMs)
        undo()
      })
    }

    test.each(leaves)('by %s, while its default model is looked up, stops the look-up', async (how) => {
      const asked = Promise.withResolvers<Exchange>()
      const undo = upstream.on('GET /api/ps', asked.resolve)
      const reader = generate(server, 'sse', { prompt: 'Hi' })
      const exchange = await asked.promise
      expect(await leave(reader, exchange, how)).toBeLessThan(soonMs)
      undo()
      expect(upstream.requests.filter(({ target, json }) => target === '/api/generate' && !hasModel(json))).toEqual([])
    })
  })
}

function hasModel(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'model' in json
}
