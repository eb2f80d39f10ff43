import { afterEach, describe, expect, test } from 'vitest'
import { flatOut, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { read, readAll, toSseEvents, type Reader } from '../reader.ts'
import { toRuntime, useStage, type ServerName } from '../server.ts'
import { untilFull } from '../until-full.ts'

/**
 * A failed heartbeat also ends a stream, and so it would hide a cancel that has no effect. With
 * this interval, Sluice sends no heartbeat during a test.
 */
const hourMs = 3_600_000

const messages = [{ role: 'user', content: 'Hi' }]
const said = { error: 'The answer was cancelled by its request id', code: 'cancelled' }

/** A request to each surface, and the last frame that its reader gets after a cancel. */
const surfaces: readonly {
  name: string
  path: string
  body: object
  accept?: string
  /** Whether the reader gets each token when it arrives. False for an answer in one piece. */
  streams: boolean
  /**
   * Whether the response commits before the first token. A later failure then cannot change the
   * status.
   */
  opens: boolean
  toLast(text: string): unknown
  last: object
}[] = [
  {
    name: 'SSE of /api/generate',
    path: '/api/generate',
    body: { prompt: 'Hi' },
    streams: true,
    opens: true,
    toLast: toLastEvent,
    last: said,
  },
  {
    name: 'SSE of /api/chat',
    path: '/api/chat',
    body: { messages },
    streams: true,
    opens: true,
    toLast: toLastEvent,
    last: said,
  },
  { name: '/chat', path: '/chat', body: { text: 'Hi' }, streams: true, opens: true, toLast: toLastEvent, last: said },
  {
    name: 'NDJSON of /api/chat',
    path: '/api/chat',
    body: { messages },
    accept: 'application/x-ndjson',
    streams: true,
    opens: false,
    toLast: toLastLine,
    last: said,
  },
  {
    name: 'stream:false of /api/generate',
    path: '/api/generate',
    body: { prompt: 'Hi', stream: false },
    streams: false,
    opens: false,
    toLast: toLastLine,
    last: said,
  },
  {
    name: '/ollama/api/chat',
    path: '/ollama/api/chat',
    body: { messages },
    streams: true,
    opens: false,
    toLast: toLastLine,
    last: { error: said.error },
  },
  {
    name: 'stream:false of /ollama/api/generate',
    path: '/ollama/api/generate',
    body: { prompt: 'Hi', stream: false },
    streams: false,
    opens: false,
    toLast: toLastLine,
    last: { error: said.error },
  },
]
const [sse] = surfaces

function toLastEvent(text: string): unknown {
  const { event, data } = toSseEvents(text).at(-1)!
  expect(event).toBe('failed')
  return JSON.parse(data)
}

function toLastLine(text: string): unknown {
  return JSON.parse(text.trimEnd().split('\n').at(-1)!)
}

/**
 * The request that cancels an answer (docs/protocol.md#5-ollama-drop-in). A stop button sends it.
 */
export function describeCancel(name: ServerName) {
  const runtime = toRuntime(name)
  describe('cancel', () => {
    const stage = useStage(name, { SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: `${hourMs}`, SLUICE_LOG: 'json' })

    // After each test no upstream connection is open, and the log has no error.
    afterEach(async () => {
      await expect.poll(() => stage.upstream.open).toBe(0)
      expect(stage.server.output()).not.toMatch(/\n\s+at |"cause"|Error|hang|uncaught|exception/i)
    })

    let count = 0
    const toId = () => `cancel.${++count}_${runtime}`
    const ask = ({ path, body, accept }: (typeof surfaces)[number], model: string, requestId: string): Reader =>
      read(stage.server, {
        path,
        body: { ...body, model },
        headers: { 'x-request-id': requestId, ...(accept && { accept }) },
      })
    const cancel = (requestId: string, method = 'GET') =>
      readAll(read(stage.server, { method, path: `/ollama/cancel/${requestId}` }))

    describe.each(surfaces)('of $name', (surface) => {
      test('before the first token stops the upstream, and the reader gets the error', async () => {
        const model = stage.upstream.script(silent())
        const requestId = toId()
        const reader = ask(surface, model, requestId)
        const { exchange } = await stage.upstream.next(model)
        if (surface.opens) await reader.until((text) => text !== '')
        expect(await cancel(requestId)).toMatchObject({ status: 204, text: '' })
        await exchange.closedByReader
        const { status, text, ended } = await readAll(reader)
        expect({ status, ended }).toEqual({ status: surface.opens ? 200 : 499, ended: 'clean' })
        expect(surface.toLast(text)).toEqual('code' in surface.last ? { ...surface.last, request_id: requestId } : surface.last)
        await expect.poll(() => logged(requestId)).toMatchObject({ ended: 'failed', code: 'cancelled' })
      })

      test('between tokens stops the upstream, and the reader gets the error after the tokens', async () => {
        const model = stage.upstream.script(thenSilent(1))
        const requestId = toId()
        const reader = ask(surface, model, requestId)
        const { exchange } = await stage.upstream.next(model)
        if (surface.streams) await reader.until((text) => text.includes(' token'))
        expect(await cancel(requestId, 'POST')).toMatchObject({ status: 204, text: '' })
        await exchange.closedByReader
        const { status, text, ended } = await readAll(reader)
        expect({ status, ended }).toEqual({ status: surface.streams ? 200 : 499, ended: 'clean' })
        expect(text.split(' token')).toHaveLength(surface.streams ? 2 : 1)
        expect(surface.toLast(text)).toMatchObject(surface.last)
      })
    })

    /** Returns the access log line of a stream. */
    function logged(requestId: string): unknown {
      const line = stage.server
        .output()
        .split('\n')
        .find((text) => text.includes(`"${requestId}"`))
      return line === undefined ? undefined : JSON.parse(line)
    }

    test('stops all the streams of one id, on any surface, and no other', async () => {
      const requestId = toId()
      const model = stage.upstream.script(thenSilent(1))
      const readers = surfaces.map((surface) => ask(surface, model, requestId))
      const other = ask(sse!, stage.upstream.script(tokens({ count: 50, perSecond: 100 })), toId())
      const exchanges = await Promise.all(surfaces.map(async () => (await stage.upstream.next(model)).exchange))
      await other.until((text) => text.includes(' token'))
      expect(await cancel(requestId)).toMatchObject({ status: 204 })
      await Promise.all(exchanges.map(({ closedByReader }) => closedByReader))
      for (const [index, reader] of readers.entries()) {
        const { text, ended } = await readAll(reader)
        expect(ended).toBe('clean')
        expect(surfaces[index]!.toLast(text)).toMatchObject({ error: said.error })
      }
      await other.ended
      expect(other.text.split(' token')).toHaveLength(51)
    })

    test('stops a stream whose tokens come as fast as they can', async () => {
      const requestId = toId()
      const model = stage.upstream.script(flatOut())
      let bytes = 0
      const reader = read(stage.server, {
        path: '/api/generate',
        body: { model, prompt: 'Hi' },
        headers: { 'x-request-id': requestId },
        take: (piece) => (bytes += piece.byteLength),
      })
      const { exchange } = await stage.upstream.next(model)
      await expect.poll(() => bytes).toBeGreaterThan(100_000)
      expect(await cancel(requestId)).toMatchObject({ status: 204 })
      await exchange.closedByReader
      expect(await reader.ended).toBe('clean')
    })

    test('stops a stream that its reader does not read', async () => {
      const requestId = toId()
      const model = stage.upstream.script(flatOut({ linesPerChunk: 64 }))
      const reader = ask(sse!, model, requestId)
      const { exchange } = await stage.upstream.next(model)
      await reader.until((text) => text.includes(' token'))
      reader.pause()
      await untilFull(exchange)
      expect(await cancel(requestId)).toMatchObject({ status: 204 })
      await exchange.closedByReader
      reader.resume()
      const { text, ended } = await readAll(reader)
      expect(ended).toBe('clean')
      expect(toLastEvent(text)).toMatchObject(said)
    })

    test('stops an embedding too', async () => {
      const undo = stage.upstream.on('POST /api/embed', silent())
      const requestId = toId()
      const model = `embedded-${requestId}`
      const reader = read(stage.server, {
        path: '/api/embed',
        body: { model, input: 'Hi' },
        headers: { 'x-request-id': requestId },
      })
      const { exchange } = await stage.upstream.next(model)
      expect(await cancel(requestId)).toMatchObject({ status: 204 })
      await exchange.closedByReader
      expect(await readAll(reader)).toMatchObject({ status: 499, text: expect.stringContaining('"cancelled"') as string })
      undo()
    })

    test('of an id that is over, already cancelled or unknown is 404', async () => {
      const over = toId()
      await readAll(ask(sse!, stage.upstream.script(tokens({ count: 1 })), over))
      await expect.poll(async () => (await cancel(over)).status).toBe(404)

      const twice = toId()
      const model = stage.upstream.script(thenSilent(1))
      const reader = ask(sse!, model, twice)
      await reader.until((text) => text.includes(' token'))
      expect(await cancel(twice)).toMatchObject({ status: 204 })
      await reader.ended
      await expect.poll(async () => (await cancel(twice)).status).toBe(404)

      for (const id of ['nobody', 'a%2Fb', '%00', '%E0%A4%A', 'x'.repeat(2000), '__proto__'])
        expect(await cancel(id), id).toMatchObject({ status: 404, text: '404 page not found' })
      for (const path of ['/ollama/cancel', '/ollama/cancel/', '/ollama/cancel/a/b'])
        expect(await readAll(read(stage.server, { path })), path).toMatchObject({ status: 404 })
    })

    test('by any other method is 405 with Allow, and stops nothing', async () => {
      const requestId = toId()
      const model = stage.upstream.script(thenSilent(1))
      const reader = ask(sse!, model, requestId)
      const { exchange } = await stage.upstream.next(model)
      await reader.until((text) => text.includes(' token'))
      for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
        expect(await cancel(requestId, method), method).toMatchObject({ status: 405, headers: { allow: 'GET, POST' } })
      expect([exchange.isOpen, reader.isEnded]).toEqual([true, false])
      expect(await cancel(requestId)).toMatchObject({ status: 204 })
      await reader.ended
    })
  })
}
