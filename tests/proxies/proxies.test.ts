import http from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { flatOut, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Exchange, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, read, readAll, readFailure, toTold, type ReaderRequest } from '../runtimes/reader.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { checkInstalled, proxyNames, startProxy } from './proxy.ts'
import { startTap } from './tap.ts'

checkInstalled()

/**
 * This interval is longer than any test, so no heartbeat is sent. A failed heartbeat would show
 * Sluice that a reader has disconnected, and the tests must pass without it.
 */
const noHeartbeatMs = 60_000
const maxBodyBytes = 4_000_000

const streamed = ['sse', 'ndjson'] as const
const leaves = ['fin', 'reset'] as const

/**
 * How a stream ends for the reader when Sluice cuts it. Caddy 2.6 ends the response properly
 * (caddyserver/caddy#5951), so only the missing terminal shows the cut.
 */
const cut = { nginx: 'broken', haproxy: 'broken', caddy: 'clean' } as const

let upstream: Upstream
const stops: (() => unknown)[] = []

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

async function stopAll() {
  for (const stop of stops.splice(0).toReversed()) await stop()
}

async function start(env: Readonly<Record<string, string>>): Promise<Server> {
  const server = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent', ...env })
  stops.push(server.stop)
  return server
}

const send = (exchange: Exchange, text: string) => exchange.chunk(`${toDeltaLine(exchange.request, text)}\n`)
const isFirst = (text: string) => text.includes(' token')

describe.each(proxyNames)('%s', (name) => {
  async function startInFront(port: number) {
    const proxy = await startProxy(name, port)
    stops.push(proxy.stop)
    return proxy
  }

  describe('in front of one server', () => {
    let server: Server
    let proxy: { readonly url: string }

    beforeAll(async () => {
      server = await start({
        SLUICE_HEARTBEAT_MS: `${noHeartbeatMs}`,
        SLUICE_MAX_BODY_BYTES: `${maxBodyBytes}`,
        SLUICE_ALLOWED_HOSTS: 'chat.example',
        SLUICE_OPERATOR: '1',
      })
      proxy = await startInFront(server.port)
    })
    afterAll(stopAll)

    test('no reader is an operator, whatever Host it sends, but a program on the machine is', async () => {
      const scrape = (to: { readonly url: string }, headers: Readonly<Record<string, string>> = {}) =>
        readAll(read(to, { path: '/metrics', headers }))
      for (const host of ['chat.example', 'localhost', '127.0.0.1', `127.0.0.1:${server.port}`, '[::1]'])
        expect(await scrape(proxy, { host }), host).toMatchObject({ status: 404 })
      expect(await scrape(server)).toMatchObject({ status: 200, text: expect.stringContaining('sluice_build_info') })
    })

    // Without `http-no-delay`, HAProxy delays each token by 200 ms, which adds up to 20 s. With
    // this option, the test takes some tenths of a second.
    test.each(streamed)('each token arrives before the next one is sent: %s', { timeout: 10_000 }, async (framing) => {
      const model = upstream.script(thenSilent(0))
      const reader = generate(proxy, framing, model, { headers: { 'accept-encoding': 'gzip, br' } })
      const { exchange } = await upstream.next(model)
      const texts = Array.from({ length: 100 }, (_, index) => ` ${index};`)
      for (const text of texts) {
        send(exchange, text)
        await reader.until((all) => all.includes(text))
      }
      exchange.chunk(`${toDoneLine(exchange.request, texts.length)}\n`)
      exchange.end()
      expect(await reader.ended).toBe('clean')
      expect(toTold(framing, reader.text)).toMatchObject({ text: texts.join(''), failed: undefined })
      expect((await reader.head).headers['content-encoding']).toBeUndefined()
    })

    test('the opening comment arrives before Ollama answers', async () => {
      const reader = generate(proxy, 'sse', upstream.script(silent()))
      await reader.until((text) => text === ':\n')
      expect(await reader.head).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' } })
      reader.leave()
    })

    test.each(streamed)('a stream that fails arrives whole, with its terminal: %s', async (framing) => {
      const model = upstream.script(thenSilent(1))
      const reader = generate(proxy, framing, model)
      const { exchange } = await upstream.next(model)
      await reader.until(isFirst)
      // This is a clean end without a done line.
      exchange.end()
      expect(await reader.ended).toBe('clean')
      expect(toTold(framing, reader.text)).toMatchObject({ text: ' token', failed: { code: 'upstream_truncated' } })
    })

    describe.each(leaves)('a reader that disconnects by %s closes the upstream connection', (how) => {
      // Sluice sends no byte before the first line of NDJSON, or before an answer in one piece.
      test.each(['ndjson', 'folded'] as const)('before the first byte: %s', async (framing) => {
        const model = upstream.script(silent())
        const reader = generate(proxy, framing, model)
        const { exchange } = await upstream.next(model)
        reader.leave(how)
        await exchange.closedByReader
      })

      test('after the opening comment, before the first token', async () => {
        const model = upstream.script(silent())
        const reader = generate(proxy, 'sse', model)
        const { exchange } = await upstream.next(model)
        await reader.until((text) => text === ':\n')
        reader.leave(how)
        await exchange.closedByReader
      })

      test.each(streamed)('after the first token: %s', async (framing) => {
        const model = upstream.script(thenSilent(1))
        const reader = generate(proxy, framing, model)
        const { exchange } = await upstream.next(model)
        await reader.until(isFirst)
        reader.leave(how)
        await exchange.closedByReader
      })
    })

    test('an answer goes on when its reader leaves, another reader gets the rest, and DELETE stops it', async () => {
      const model = upstream.script(thenSilent(2))
      const first = generate(proxy, 'sse', model, { headers: { prefer: 'resume=30' } })
      const { exchange } = await upstream.next(model)
      await first.until((text) => text.includes('.1\n'))
      const path = (await first.head).headers['content-location']
      first.leave()
      const run = `${proxy.url}${String(path)}`
      const second = await fetch(run, { headers: { 'last-event-id': `${String(path).replace('/streams/', '')}.0` } })
      expect(exchange.isOpen).toBe(true)
      expect((await fetch(run, { method: 'DELETE' })).status).toBe(204)
      await exchange.closedByReader
      const ids = (await second.text()).match(/(?<=^id: \w+\.)\d+$|"code":"\w+"/gm)
      expect(ids).toEqual(['1', '"code":"cancelled"', '2'])
    })

    // Behind a proxy, Sluice still checks host names and origins. A page on the proxy's own origin
    // may send requests, whatever port the proxy has.
    test.each([
      { host: 'chat.example:8443', origin: 'https://chat.example:8443', status: 200 },
      { host: 'chat.example:8443', origin: 'https://chat.example', status: 403, code: 'forbidden_origin' },
      { host: 'rebound.example', origin: undefined, status: 403, code: 'forbidden_host' },
    ])('the reader’s host and origin arrive: $host from $origin', async ({ host, origin, status, code }) => {
      const headers = { host, ...(origin && { origin }) }
      const model = upstream.script(tokens({ count: 1 }))
      const answer = await readAll(generate(proxy, 'folded', model, { headers }))
      expect(answer.status).toBe(status)
      if (code) expect(JSON.parse(answer.text)).toMatchObject({ code })
    })

    test('an image of 2 MB arrives whole', async () => {
      const image = Buffer.alloc(2_000_000, 'image').toString('base64')
      const model = upstream.script(tokens({ count: 1 }))
      const reader = generate(proxy, 'sse', { model, prompt: 'What is this?', images: [image] })
      expect((await upstream.next(model)).json).toMatchObject({ images: [image] })
      expect(await reader.ended).toBe('clean')
    })

    const failures: Record<string, ReaderRequest> = {
      invalid_json: { path: '/api/generate', body: '{' },
      invalid_request: { path: '/chat', body: { text: 1 } },
      not_found: { path: '/api/pull', body: {} },
      method_not_allowed: { path: '/chat' },
      body_too_large: { path: '/chat', body: { text: 'a'.repeat(maxBodyBytes) } },
      unsupported_encoding: { path: '/chat', body: { text: 'Hi' }, headers: { 'content-encoding': 'compress' } },
      upstream_busy: { path: '/chat', body: { text: 'Hi', model: 'busy' } },
      upstream_failed: { path: '/chat', body: { text: 'Hi', model: 'failing' } },
    }
    test.each(Object.entries(failures))('%s arrives unchanged', async (code, request) => {
      const answer = (status: number) => (exchange: Exchange) => {
        exchange.head(status, { 'content-type': 'application/json' })
        exchange.chunk('{"error":"no"}')
        exchange.end()
      }
      upstream.script(answer(503), 'busy')
      upstream.script(answer(500), 'failing')
      const ask = async (target: { readonly url: string }) => {
        const headers = { ...request.headers, 'x-request-id': code }
        const { headers: got, ...failure } = await readFailure(read(target, { ...request, headers }))
        const kept = ['content-type', 'content-length', 'x-request-id', 'allow', 'retry-after'].map((field) => got[field])
        return { ...failure, kept }
      }
      const failure = await ask(proxy)
      expect(failure).toMatchObject({ code, request_id: code })
      expect(failure).toEqual(await ask(server))
    })
  })

  describe('in front of a server of its own', () => {
    afterEach(stopAll)

    test('heartbeats pass', async () => {
      const { port } = await start({ SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: '100' })
      const reader = generate(await startInFront(port), 'sse', upstream.script(silent()))
      await reader.until((text) => text === ':\n:\n:\n')
      reader.leave()
    })

    test('a reader that reads nothing stops the upstream, and its response does not look complete', async () => {
      const { port } = await start({ SLUICE_STALL_TIMEOUT_MS: '1000' })
      const model = upstream.script(flatOut({ linesPerChunk: 64 }))
      const reader = generate(await startInFront(port), 'sse', model)
      const { exchange } = await upstream.next(model)
      await reader.until(isFirst)
      reader.pause()
      await exchange.closedByReader
      reader.resume()
      expect(await reader.ended).toBe(cut[name])
      expect(() => toTold('sse', reader.text)).toThrow()
    })

    test.each(streamed)('a stream whose server dies does not look complete: %s', async (framing) => {
      const server = await start({})
      const reader = generate(await startInFront(server.port), framing, upstream.script(thenSilent(1)))
      await reader.until(isFirst)
      await server.stop()
      expect(await reader.ended).toBe(cut[name])
      expect(() => toTold(framing, reader.text)).toThrow('No terminal')
    })

    test('the requests of one connection share one connection to the server', async () => {
      const { port } = await start({})
      const tap = await startTap(port)
      stops.push(tap.stop)
      const proxy = await startInFront(tap.port)
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      for (let count = 0; count < 10; count++) {
        const body = JSON.stringify({ model: upstream.script(tokens({ count: 2 })), prompt: 'Hi' })
        await new Promise<void>((resolve, reject) => {
          const request = http.request(`${proxy.url}/api/generate`, { method: 'POST', agent })
          request.on('response', (response) => response.on('end', resolve).resume())
          request.on('error', reject)
          request.end(body)
        })
      }
      agent.destroy()
      expect(tap.connections).toBe(1)
    })
  })
})
