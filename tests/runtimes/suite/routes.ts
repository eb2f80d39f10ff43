import { describe, expect, test } from 'vitest'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { read, readAll, readFailure } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const open = ['/', '/ping', '/healthz', '/readyz', '/v1', '/v1/']
const questions = ['/api/tags', '/api/ps', '/api/version']
const posts = ['/chat', '/api/generate', '/api/chat', '/api/embed', '/api/embeddings', '/api/show']

/**
 * Methods and paths that do not exist. Among them are the management routes, which are off here,
 * and other spellings of real paths.
 */
const nothing: readonly (readonly [method: string, path: string])[] = [
  ...['/api/pull', '/api/push', '/api/create', '/api/copy', '/api/delete'].map((path) => ['POST', path] as const),
  ['DELETE', '/api/delete'],
  ['HEAD', `/api/blobs/sha256:${'0'.repeat(64)}`],
  ['POST', `/api/blobs/sha256:${'0'.repeat(64)}`],
  ...open.slice(1, 4).map((path) => ['GET', `${path}/`] as const),
  ...questions.map((path) => ['GET', `${path}/`] as const),
  ...posts.map((path) => ['POST', `${path}/`] as const),
  ...posts.map((path) => ['POST', `/${path}`] as const),
  ...posts.map((path) => ['POST', path.toUpperCase()] as const),
  ['GET', '/api'],
  ['GET', '/api/'],
  ['GET', '/favicon.ico'],
  ['GET', '/index.html'],
  ['PROPFIND', '/api/nothing'],
]

function json(value: unknown): Script {
  const text = JSON.stringify(value)
  return (exchange) => {
    exchange.head(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': String(Buffer.byteLength(text)) })
    exchange.chunk(text)
    exchange.end()
  }
}

function toRecorded(name: string): unknown {
  return JSON.parse(Buffer.from(toBytes(loadRecording(name))).toString())
}

/** Returns the expected error. Errors below `/v1` use OpenAI's envelope. */
const toEnvelope = (path: string, code: string) => (path.startsWith('/v1') ? { error: { code } } : { code })

/** The routes (docs/protocol.md#1-routes). */
export function describeRoutes(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('routes', () => {
    const stage = useStage(runtime)

    test.each([
      ['/', 'text/plain; charset=UTF-8', 'Sluice is running'],
      ['/v1', 'text/plain; charset=UTF-8', 'Sluice is running'],
      ['/v1/', 'text/plain; charset=UTF-8', 'Sluice is running'],
      ['/ping', 'application/json', '{"message":"OK"}'],
      ['/healthz', 'application/json', '{"status":"ok"}'],
    ])('GET %s never touches the upstream', async (path, type, text) => {
      const asked = await countRequests(stage, async () => {
        const answer = await readAll(read(stage.server, { path }))
        expect(answer).toMatchObject({ status: 200, text, headers: { 'content-type': type } })
      })
      expect(asked).toBe(0)
    })

    test.each([...open, ...questions])('HEAD %s is GET without its body', async (path) => {
      const [get, head] = await Promise.all(['GET', 'HEAD'].map((method) => readAll(read(stage.server, { method, path }))))
      expect(head).toMatchObject({ status: get!.status, text: '', ended: 'clean' })
      expect(head!.headers['content-type']).toBe(get!.headers['content-type'])
      expect(head!.headers['x-request-id']).toBeTruthy()
    })

    test('/readyz reports whether Ollama answers, and its version', async () => {
      const ready = () => readAll(read(stage.server, { path: '/readyz' }))
      const upstream = toRecorded('version')
      expect(await ready()).toMatchObject({ status: 200, text: JSON.stringify({ status: 'ready', upstream }) })

      await stage.upstream.stop()
      const down = { status: 503, text: '{"status":"not_ready","code":"upstream_unreachable"}' }
      await expect.poll(ready, { timeout: 5000, interval: 50 }).toMatchObject(down)
      expect(await readAll(read(stage.server, { path: '/ping' }))).toMatchObject({ status: 200 })
      expect(await readAll(read(stage.server, { path: '/healthz' }))).toMatchObject({ status: 200 })

      await stage.upstream.start()
      await expect.poll(ready, { timeout: 5000, interval: 50 }).toMatchObject({ status: 200 })
    })

    test('/readyz has the error code if the upstream does not answer with a version', async () => {
      const restore = stage.upstream.on('GET /api/version', (exchange) => {
        exchange.head(500, { 'content-length': '0' })
        exchange.end()
      })
      const failed = { status: 503, text: '{"status":"not_ready","code":"upstream_failed"}' }
      await expect
        .poll(() => readAll(read(stage.server, { path: '/readyz' })), { timeout: 5000, interval: 50 })
        .toMatchObject(failed)
      restore()
    })

    test('the result of /readyz is cached for one second for all readers', async () => {
      const asked = () => stage.upstream.requests.filter(({ target }) => target === '/api/version').length
      const ready = () => readAll(read(stage.server, { path: '/readyz' }))
      const before = asked()
      await expect.poll(async () => (await ready(), asked()), { timeout: 5000, interval: 10 }).toBe(before + 1)
      const foundAt = performance.now()
      await Promise.all(Array.from({ length: 20 }, ready))
      expect(asked()).toBe(before + 1)
      await expect.poll(async () => (await ready(), asked()), { timeout: 5000, interval: 10 }).toBe(before + 2)
      expect(performance.now() - foundAt).toBeGreaterThan(900)
    })

    test.each(questions)('GET %s passes on Ollama’s answer unchanged', async (path) => {
      const answer = await readAll(read(stage.server, { path }))
      const { 'content-type': type } = loadRecording(path.slice('/api/'.length)).headers
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': type } })
      expect(JSON.parse(answer.text)).toEqual(toRecorded(path.slice('/api/'.length)))
    })

    test.each(questions)('GET %s passes on unknown fields', async (path) => {
      const said = { models: [{ name: 'a', future: { deep: [1, null, 'ü'] } }], version: '9', another: -0.5 }
      const restore = stage.upstream.on(`GET ${path}`, json(said))
      expect(JSON.parse((await readAll(read(stage.server, { path }))).text)).toEqual(said)
      restore()
    })

    each([
      ['/api/show', { model: 'smollm2:135m', verbose: true }],
      ['/api/show', { name: 'smollm2:135m' }],
      ['/api/embed', { model: 'smollm2:135m', input: ['a', 'b'], truncate: false, dimensions: 8, keep_alive: '1m' }],
      ['/api/embed', { model: 'smollm2:135m', input: 'a', options: { num_ctx: 512 } }],
      ['/api/embeddings', { model: 'smollm2:135m', prompt: 'a' }],
      ['/v1/systemone', { model: 'smollm2:135m', state: 'a', questions: { a: { type: 'score', criteria: ['b', 'c'] } } }],
    ])('POST %s %j passes in both directions, with unknown fields', async (path, body) => {
      const said = { embedding: [-0.00013487095, 1e-5, 0], embeddings: [[0.1, -0.2]], model_info: { 'a.b': 1 }, future: ['ü'] }
      const restore = stage.upstream.on(`POST ${path}`, json(said))
      const sent = { ...body, future: { deep: [null, -0.5] } }
      const answer = await readAll(read(stage.server, { path, body: sent }))
      restore()
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } })
      expect(answer.text).toBe(JSON.stringify(said))
      expect(stage.upstream.requests.at(-1)).toMatchObject({ method: 'POST', target: path, json: sent })
    })

    each([
      ['/api/show', {}],
      ['/api/show', { model: 5 }],
      ['/api/embed', { input: 'a' }],
      ['/api/embed', { model: ['m'], input: 'a' }],
      ['/api/embeddings', { prompt: 'a' }],
      ['/api/embeddings', { model: '', prompt: 'a' }],
      ['/v1/systemone', { state: 'a', questions: {} }],
      ['/v1/systemone', { model: '../a', state: 'a', questions: {} }],
      ['/ollama/v1/systemone', { model: 'a', MODEL: 'b', state: 'a', questions: {} }],
    ])('POST %s %j is refused before the upstream hears of it', async (path, body) => {
      const asked = await countRequests(stage, async () => {
        expect(await readFailure(read(stage.server, { path, body }))).toMatchObject({ status: 400, code: 'invalid_request' })
      })
      expect(asked).toBe(0)
    })

    test('the reader’s query and headers do not reach Ollama, except the trace headers', async () => {
      const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'vendor=1' }
      const headers = { cookie: 'a=b', authorization: 'Bearer reader', 'x-forwarded-for': '1.2.3.4', 'accept-language': 'de' }
      await readAll(
        read(stage.server, {
          path: '/api/generate?model=evil&x=1',
          body: { model: 'smollm2:135m', prompt: 'Hi' },
          headers: { ...headers, ...trace, 'user-agent': 'reader/1' },
        }),
      )
      const seen = stage.upstream.requests.at(-1)!
      expect(seen.target).toBe('/api/generate')
      expect(seen.headers).toMatchObject(trace)
      expect(seen.headers['user-agent']).toBe('sluice')
      for (const name of Object.keys(headers)) expect(seen.headers).not.toHaveProperty(name)
    })

    each(nothing)('%s %s is 404 not_found', async (method, path) => {
      const asked = await countRequests(stage, async () => {
        const answer = await readAll(read(stage.server, { method, path, ...(method === 'POST' && { body: { model: 'm' } }) }))
        expect(answer.status).toBe(404)
        if (method !== 'HEAD') expect(JSON.parse(answer.text)).toMatchObject({ code: 'not_found' })
      })
      expect(asked).toBe(0)
    })

    test.each([
      ...[...open, ...questions].map((path) => [path, ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], 'GET, HEAD'] as const),
      ...posts.map((path) => [path, ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], 'POST'] as const),
    ])('%s with any of %j is 405 with Allow', async (path, methods, allow) => {
      const asked = await countRequests(stage, async () => {
        for (const method of methods) {
          const answer = await readAll(read(stage.server, { method, path }))
          expect(answer, method).toMatchObject({ status: 405, headers: { allow } })
          if (method === 'HEAD') expect(answer.text).toBe('')
          else expect(JSON.parse(answer.text), method).toMatchObject(toEnvelope(path, 'method_not_allowed'))
        }
      })
      expect(asked).toBe(0)
    })
  })
}
