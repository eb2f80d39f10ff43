import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { turnBytes, type Connect, type UpstreamRequest, type UpstreamResponse } from '../../src/upstreams/connect.ts'
import { refusedUrl } from '#fake-ollama/faults.ts'
import { flatOut, ndjson, replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Exchange, type Script, type Upstream } from '#fake-ollama/upstream.ts'

const { signal: live } = new AbortController()

/** Reads a whole body as text. */
async function readText({ flow }: UpstreamResponse): Promise<string> {
  const pieces: Uint8Array[] = []
  await flow((bytes) => void pieces.push(bytes.slice()))
  return Buffer.concat(pieces).toString()
}

/**
 * The rules that every `Connect` must keep (src/upstreams/connect.ts), tested over real sockets.
 */
export function connectContract(name: string, createConnect: () => Connect) {
  let upstream: Upstream
  let connect: Connect

  beforeEach(async () => {
    upstream = await startUpstream()
    connect = createConnect()
  })
  afterEach(async () => {
    await expect.poll(() => upstream.open).toBe(0)
    await upstream.close()
  })

  const toRequest = (script: Script, more: object = {}): UpstreamRequest & { model: string; body: string } => {
    const model = upstream.script(script)
    return { model, method: 'POST', url: `${upstream.url}/api/generate`, headers: {}, body: JSON.stringify({ model, ...more }) }
  }
  const ask = (script: Script, signal = live) => connect(toRequest(script), signal)

  describe(`the contract of ways to the upstream: ${name}`, () => {
    test('the request arrives unchanged, with its length in bytes', async () => {
      const request = toRequest(tokens({ count: 1 }), { prompt: 'grüße 👋' })
      const headers = { 'x-own': 'a b', accept: 'application/json', 'accept-encoding': 'identity' }
      await readText(await connect({ ...request, headers }, live))
      const seen = await upstream.next(request.model)
      expect(seen).toMatchObject({ method: 'POST', target: '/api/generate', body: request.body })
      expect(seen.headers).toMatchObject({ ...headers, 'content-length': String(Buffer.byteLength(request.body)) })
      for (const name of ['origin', 'cookie', 'referer', 'transfer-encoding']) expect(seen.headers).not.toHaveProperty(name)
    })

    test('a GET has no body', async () => {
      const response = await connect({ method: 'GET', url: `${upstream.url}/api/version`, headers: {} }, live)
      expect(await readText(response)).toMatch(/^\{"version":"[\d.]+"\}$/)
      expect(upstream.requests[0]).toMatchObject({ method: 'GET', target: '/api/version', body: '' })
    })

    test.each([200, 404, 503])('the head and the body of a %d can be read', async (status) => {
      const response = await ask((exchange) => {
        exchange.head(status, { 'content-type': 'application/json', 'retry-after': '7', 'x-two': 'a', 'X-Two': 'b' })
        exchange.chunk('{"error":')
        exchange.chunk('"x"}')
        exchange.end()
      })
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(response.headers.get('retry-after')).toBe('7')
      expect(response.headers.get('x-two')).toBe('a, b')
      expect(await readText(response)).toBe('{"error":"x"}')
    })

    test('a body may be empty', async () => {
      const response = await ask((exchange) => {
        exchange.head(204)
        exchange.end()
      })
      expect(response.status).toBe(204)
      expect(await readText(response)).toBe('')
    })

    test('the head is known before the body has begun', async () => {
      const response = await ask((exchange) => exchange.head(200, ndjson))
      expect(response.status).toBe(200)
      const { exchange } = upstream.requests[0]!
      const text = readText(response)
      exchange.chunk('late')
      exchange.end()
      expect(await text).toBe('late')
    })

    test('the body streams: a piece arrives before the next one is sent', async () => {
      const { flow } = await ask((exchange) => exchange.head(200, ndjson))
      const { exchange } = upstream.requests[0]!
      let taken = ''
      const ended = flow((bytes) => void (taken += Buffer.from(bytes).toString()))
      for (const text of ['one', ' two', ' three']) {
        exchange.chunk(text)
        await expect.poll(() => taken, { interval: 1 }).toMatch(new RegExp(`${text}$`))
      }
      exchange.end()
      await ended
      expect(taken).toBe('one two three')
    })

    test.each(['as-recorded', 'one', 'bytewise'] as const)('the bytes arrive whole and in order, sent %s', async (cut) => {
      const text = await readText(await ask(replay('generate-chinese', { cut })))
      expect(text).toBe(await readText(await ask(replay('generate-chinese'))))
      expect(text.split('\n')).toHaveLength(34)
    })

    describe('backpressure', () => {
      test('a returned promise pauses the source, down to the socket of the upstream', async () => {
        const controller = new AbortController()
        const { flow } = await ask(flatOut({ linesPerChunk: 500 }), controller.signal)
        const { exchange } = upstream.requests[0]!
        let full: PromiseWithResolvers<void> | undefined
        let takenWhileFull = 0
        let taken = 0
        const ended = flow((bytes) => {
          if (full) takenWhileFull++
          taken += bytes.byteLength
          full = Promise.withResolvers<void>()
          return full.promise
        })
        await expect.poll(() => exchange.socket.writableNeedDrain).toBe(true)
        const before = taken
        for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
        expect(taken).toBe(before)
        expect(takenWhileFull).toBe(0)
        for (let i = 0; i < 20; i++) {
          const was = taken
          const { resolve } = full!
          full = undefined
          resolve()
          await expect.poll(() => taken, { interval: 1 }).toBeGreaterThan(was)
        }
        expect(takenWhileFull).toBe(0)
        controller.abort()
        full?.resolve()
        await expect(ended).rejects.toBe(controller.signal.reason)
      })

      test('a source that always has data does not block the event loop: only a few turns’ worth in a row', async () => {
        const piece = 'x'.repeat(65_535) + '\n'
        const { flow } = await ask((exchange) => {
          exchange.head(200, ndjson)
          for (let i = 0; i < 128; i++) exchange.chunk(piece)
          exchange.end()
        })
        // During this wait the socket buffers fill up. So `flow` always finds data to read.
        for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 1))
        let inTurn = 0
        let most = 0
        let total = 0
        const clock = setInterval(() => (inTurn = 0), 0)
        const ended = flow((bytes) => {
          total += bytes.byteLength
          inTurn += bytes.byteLength
          most = Math.max(most, inTurn)
          setImmediate(() => (inTurn = 0))
        })
        await ended
        clearInterval(clock)
        expect(total).toBe(128 * 65_536)
        expect(most).toBeLessThanOrEqual(3 * turnBytes)
      })
    })

    describe('an abort', () => {
      const reasons: [string, unknown][] = [
        ['a DOMException', new DOMException('The reader left', 'AbortError')],
        ['a ServiceError', new ServiceError('shutting_down', 'bye')],
        ['a text', 'a text'],
      ]

      test.each(reasons)('before the head rejects with its reason, %s, and the upstream sees it', async (_, reason) => {
        const controller = new AbortController()
        const request = toRequest(silent())
        const asked = connect(request, controller.signal)
        const { exchange } = await upstream.next(request.model)
        controller.abort(reason)
        await expect(asked).rejects.toBe(reason)
        await exchange.closedByReader
      })

      test.each(reasons)(
        'in the middle of the body rejects with its reason, %s, and the upstream sees it',
        async (_, reason) => {
          const controller = new AbortController()
          const { flow } = await ask(thenSilent(2), controller.signal)
          let taken = 0
          const ended = flow(() => void taken++)
          await expect.poll(() => taken, { interval: 1 }).toBeGreaterThan(0)
          controller.abort(reason)
          await expect(ended).rejects.toBe(reason)
          await upstream.requests[0]!.exchange.closedByReader
        },
      )

      test('before the request sends nothing to the upstream', async () => {
        const reason = new Error('too late')
        await expect(ask(silent(), AbortSignal.abort(reason))).rejects.toBe(reason)
        expect(upstream.requests).toEqual([])
      })

      test('between head and body rejects with its reason, and the upstream sees it', async () => {
        const controller = new AbortController()
        const response = await ask(thenSilent(1), controller.signal)
        const reason = new Error('left')
        controller.abort(reason)
        await upstream.requests[0]!.exchange.closedByReader
        await expect(readText(response)).rejects.toBe(reason)
      })

      test('between head and body passes on no byte that has come already', async () => {
        const controller = new AbortController()
        const { flow } = await ask((exchange) => {
          exchange.raw('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst')
        }, controller.signal)
        for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
        const reason = new Error('left')
        controller.abort(reason)
        let taken = 0
        await expect(flow(({ byteLength }) => void (taken += byteLength))).rejects.toBe(reason)
        expect(taken).toBe(0)
      })

      test('while the source is paused is seen by the upstream at once', async () => {
        const controller = new AbortController()
        const { flow } = await ask(flatOut(), controller.signal)
        const full = Promise.withResolvers<void>()
        let isPaused = false
        const ended = flow(() => {
          isPaused = true
          return full.promise
        })
        await expect.poll(() => isPaused).toBe(true)
        controller.abort(new Error('left'))
        await upstream.requests[0]!.exchange.closedByReader
        full.resolve()
        await expect(ended).rejects.toThrow('left')
      })

      test('after the end does nothing', async () => {
        const controller = new AbortController()
        await readText(await ask(tokens({ count: 2 }), controller.signal))
        for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
        controller.abort()
        expect(await readText(await ask(tokens({ count: 0 })))).toContain('"done":true')
        expect(upstream.connections).toBe(1)
      })
    })

    describe('a connection', () => {
      const unreachable = { name: 'ServiceError', code: 'upstream_unreachable', status: 502, cause: expect.anything() }

      test.each<[string, (exchange: Exchange) => void]>([
        ['that is reset before the head', (exchange) => exchange.reset()],
        ['that is closed before the head', (exchange) => exchange.fin()],
        [
          'that is reset in the middle of the head',
          (exchange) => {
            exchange.raw('HTTP/1.1 200 OK\r\ncontent-')
            exchange.reset()
          },
        ],
        [
          'that switches protocols',
          (exchange) => {
            exchange.raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
          },
        ],
        [
          'that speaks no HTTP',
          (exchange) => {
            exchange.raw('SSH-2.0-OpenSSH_9.6\r\n')
            exchange.fin()
          },
        ],
      ])('%s is unreachable', async (_, fault) => {
        await expect(ask(fault)).rejects.toMatchObject(unreachable)
      })

      test('that is refused is unreachable', async () => {
        const url = await refusedUrl()
        await expect(connect({ method: 'GET', url, headers: {} }, live)).rejects.toMatchObject(unreachable)
      })

      test.each<[string, (exchange: Exchange) => void]>([
        ['reset', (exchange) => exchange.reset()],
        ['closed without the last chunk', (exchange) => exchange.fin()],
        [
          'garbled',
          (exchange) => {
            exchange.raw('xyz\r\n{}\r\n')
            exchange.fin()
          },
        ],
      ])('that is %s in the middle of the body has failed, after the bytes before it', async (_, fault) => {
        const { flow } = await ask((exchange) => {
          exchange.head(200, ndjson)
          exchange.chunk('first')
        })
        let text = ''
        const ended = flow((bytes) => void (text += Buffer.from(bytes).toString()))
        const failed = expect(ended).rejects.toMatchObject({
          name: 'ServiceError',
          code: 'upstream_failed',
          cause: expect.anything(),
        })
        await expect.poll(() => text, { interval: 1 }).toBe('first')
        fault(upstream.requests[0]!.exchange)
        await failed
        expect(text).toBe('first')
      })

      test('that ends before its length has failed', async () => {
        const response = await ask((exchange) => {
          exchange.head(200, { ...ndjson, 'content-length': '1000' })
          exchange.chunk('short')
          setImmediate(() => exchange.fin())
        })
        await expect(readText(response)).rejects.toMatchObject({ code: 'upstream_failed' })
      })

      test('that breaks before the body is read has failed too', async () => {
        const response = await ask((exchange) => exchange.head(200, ndjson))
        const { exchange } = upstream.requests[0]!
        const closed = new Promise((resolve) => exchange.socket.on('close', resolve))
        exchange.reset()
        await closed
        for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
        await expect(readText(response)).rejects.toMatchObject({ code: 'upstream_failed' })
      })

      test('is used again for the next requests, when the body has been read', async () => {
        for (let i = 0; i < 4; i++) {
          await readText(await ask(tokens({ count: 3 })))
          for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
        }
        expect(new Set(upstream.requests.map(({ exchange }) => exchange.socket)).size).toBe(1)
      })

      test('gives each of many simultaneous requests its own answer', async () => {
        const texts = await Promise.all(Array.from({ length: 30 }, async () => readText(await ask(tokens({ count: 20 })))))
        for (const text of texts) expect(text.split('\n')).toHaveLength(22)
      })
    })

    test.each([301, 302, 307])('a redirect (%d) is not followed', async (status) => {
      const response = await ask((exchange) => {
        exchange.head(status, { location: '/api/evil', 'content-length': '0' })
        exchange.end()
      })
      expect(response.status).toBe(status)
      await readText(response)
      expect(upstream.requests).toHaveLength(1)
      expect(upstream.strangers).toEqual([])
    })
  })
}
