import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Open, Sink } from '../../src/relay/sink.ts'

type Fetch = (request: Request, bindings: object) => Response | Promise<Response>

export interface OpenContract {
  /**
   * Whether `open` can cut an HTTP/1.1 response. The client of a cut response sees an error, not a
   * clean end. `streamSSE` cannot cut (docs/hazards.md#45 and docs/hazards.md#55).
   */
  cuts: boolean
  /** What the runtime does with the app's `fetch` before it serves it. */
  wrap?: (fetch: Fetch) => Fetch
}

const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }

/** A reader over a real socket. It reads only when a test says so. */
interface Reader {
  readonly response: http.IncomingMessage
  readonly text: string
  /** How the response ended: `clean`, or the code of the error that broke it. */
  readonly ended: Promise<string>
  read(): void
  pause(): void
  leave(): void
}

/**
 * The rules that every `Open` must keep (src/relay/sink.ts), tested over @hono/node-server and real
 * sockets. An `Open` opens a streaming response.
 */
export function openContract(name: string, open: Open, { cuts, wrap = (fetch) => fetch }: OpenContract) {
  let server: http.Server
  let port: number
  /** The stream of the last request. */
  let opened: PromiseWithResolvers<{ sink: Sink; left: number; hasLeft: Promise<void>; socket: Socket }>
  let readers: Reader[]

  beforeEach(async () => {
    opened = Promise.withResolvers()
    readers = []
    const app = new Hono<{ Bindings: HttpBindings }>()
    app.use(async (c, next) => {
      await next()
      c.header('x-after', 'set by middleware')
    })
    app.get('*', (c) => {
      const leaving = Promise.withResolvers<void>()
      const stream = { left: 0, hasLeft: leaving.promise, socket: c.env.incoming.socket }
      expect(open.canCut(c)).toBe(cuts)
      const { response, sink } = open(c, { ...headers, 'x-own': 'a' }, () => {
        stream.left++
        leaving.resolve()
      })
      opened.resolve(Object.assign(stream, { sink }))
      return response
    })
    server = createAdaptorServer({ fetch: wrap(app.fetch) }) as http.Server
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ;({ port } = server.address() as AddressInfo)
  })
  afterEach(() => {
    for (const reader of readers) reader.leave()
    server.closeAllConnections()
    server.close()
  })

  /**
   * Sends a request and reads the head of the response. The server sends the first frame together
   * with the head, as the relay does.
   */
  async function start(first = ':\n') {
    const request = http.get({ port, host: '127.0.0.1', path: '/', agent: false })
    request.on('error', () => {})
    const responding = new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve))
    const stream = await opened.promise
    const full = stream.sink.write(first)
    const response = await responding
    let text = ''
    const ended = new Promise<string>((resolve) => {
      response.on('end', () => resolve('clean'))
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'broken'))
    })
    response.setEncoding('utf8')
    response.on('data', (piece: string) => (text += piece))
    const reader: Reader = {
      response,
      get text() {
        return text
      },
      ended,
      read: () => void response.resume(),
      pause: () => void response.pause(),
      leave: () => void request.destroy(),
    }
    readers.push(reader)
    return { ...stream, stream, full, reader }
  }

  const piece = 'x'.repeat(65_535) + '\n'

  /**
   * Writes until every buffer is full. The reader must not read meanwhile. Returns the pending
   * promise of the last write, and the number of bytes written.
   */
  async function fill(sink: Sink): Promise<{ full: Promise<void>; bytes: number }> {
    for (let bytes = 0; bytes < 100_000_000;) {
      const full = sink.write(piece)
      bytes += piece.length
      if (!full) continue
      // A pending write does not prove that the sink is full, because bytes may still move through
      // the queues. The sink counts as full if the write is still pending after 100 ms.
      const stuck = new Promise<'stuck'>((resolve) => setTimeout(() => resolve('stuck'), 100))
      if ((await Promise.race([full, stuck])) === 'stuck') return { full, bytes }
    }
    throw new Error('Cannot fill it: it takes everything')
  }

  describe(`the contract of ways to open a response: ${name}`, () => {
    test('its headers arrive, those that middleware sets afterwards too, and none that breaks HTTP/2', async () => {
      const { reader } = await start()
      expect(reader.response.statusCode).toBe(200)
      expect(reader.response.headers).toMatchObject({ ...headers, 'x-own': 'a', 'x-after': 'set by middleware' })
      // The runtime itself sets these headers. Each must appear only once.
      expect(reader.response.headersDistinct['transfer-encoding']).toEqual(['chunked'])
      expect(reader.response.headersDistinct['connection']?.length).toBe(1)
    })

    test('the bytes arrive at once, whole and in order', async () => {
      const { sink, reader } = await start('a')
      await expect.poll(() => reader.text, { interval: 1 }).toBe('a')
      let expected = 'a'
      for (let i = 0; i < 200; i++) {
        const text = `${i} é👋\n`
        expected += text
        await sink.write(text)
      }
      await expect.poll(() => reader.text, { interval: 1 }).toBe(expected)
      void sink.end()
      expect(await reader.ended).toBe('clean')
      expect(reader.text).toBe(expected)
      expect(sink.bytesWritten).toBe(Buffer.byteLength(expected))
    })

    test('text that is written in one turn, without waiting, arrives as well', async () => {
      const { sink, reader } = await start('a')
      for (let i = 0; i < 100; i++) void sink.write(`${i} `)
      void sink.end()
      expect(await reader.ended).toBe('clean')
      expect(reader.text).toBe(`a${Array.from({ length: 100 }, (_, i) => `${i} `).join('')}`)
    })

    test('an end is clean, and does not count as a disconnect', async () => {
      const { sink, stream, reader } = await start('a')
      await sink.end()
      expect(await reader.ended).toBe('clean')
      expect(reader.text).toBe('a')
      expect(stream.left).toBe(0)
    })

    test('a full sink gives a promise that settles when the reader reads on, and everything arrives', async () => {
      const { sink, reader } = await start('')
      reader.pause()
      const { full, bytes } = await fill(sink)
      reader.read()
      await full
      void sink.end()
      expect(await reader.ended).toBe('clean')
      expect(reader.text.length).toBe(bytes)
    })

    test('a full sink settles when its reader disconnects', async () => {
      const { sink, hasLeft, reader } = await start('')
      reader.pause()
      const { full } = await fill(sink)
      reader.leave()
      await hasLeft
      await full
    })

    test('a disconnect is reported once, and later writes are discarded', async () => {
      const { sink, hasLeft, stream, reader } = await start('a')
      await expect.poll(() => reader.text, { interval: 1 }).toBe('a')
      reader.leave()
      await hasLeft
      for (let i = 0; i < 20; i++) await sink.write('late')
      await sink.end()
      for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
      expect(stream.left).toBe(1)
    })

    if (cuts) {
      test('a reader that reads sees a cut as a broken response', async () => {
        const { sink, reader } = await start('a')
        await expect.poll(() => reader.text, { interval: 1 }).toBe('a')
        sink.cut()
        expect(await reader.ended).not.toBe('clean')
      })

      test('a cut closes the socket of a reader that takes nothing, and settles pending writes', async () => {
        const { sink, socket, reader } = await start('')
        reader.pause()
        const { full } = await fill(sink)
        const closed = new Promise((resolve) => socket.on('close', resolve))
        sink.cut()
        await closed
        await full
        await sink.end()
        reader.read()
        expect(await reader.ended).not.toBe('clean')
      })

      test('an end settles when the reader has taken everything, and not before', async () => {
        const { sink, reader } = await start('')
        reader.pause()
        await fill(sink)
        let isTaken = false
        const taken = Promise.resolve(sink.end()).then(() => (isTaken = true))
        for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
        expect(isTaken).toBe(false)
        reader.read()
        await taken
        expect(await reader.ended).toBe('clean')
      })
    } else {
      test('a cut settles pending writes, so that the stream ends for Sluice', async () => {
        const { sink, reader } = await start('')
        reader.pause()
        const { full } = await fill(sink)
        sink.cut()
        await full
        await sink.end()
      })
    }
  })
}
