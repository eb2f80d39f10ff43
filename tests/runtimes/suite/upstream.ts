import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { loadRecording } from '#fake-ollama/recording.ts'
import { ndjson, pause, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type SeenRequest, type Upstream } from '#fake-ollama/upstream.ts'
import { framings, generate, read, readAll, toTold } from '../reader.ts'
import { startServer, type RuntimeName, type Server } from '../server.ts'
import { toEach } from './tables.ts'

const short = tokens({ count: 1 })

/**
 * Requests for which Sluice calls the upstream. `target` is the method and path that the upstream
 * must get.
 */
const asks = [
  { path: '/api/generate', body: { prompt: 'Hi' }, target: 'POST /api/generate' },
  { path: '/api/chat', body: { messages: [{ role: 'user', content: 'Hi' }] }, target: 'POST /api/chat' },
  { path: '/chat', body: { text: 'Hi' }, target: 'POST /api/generate' },
  { path: '/api/embed', body: { input: 'Hi' }, target: 'POST /api/embed' },
  { path: '/api/embeddings', body: { prompt: 'Hi' }, target: 'POST /api/embeddings' },
  { path: '/api/show', body: {}, target: 'POST /api/show' },
  { path: '/v1/systemone', body: { state: 'Hi', questions: {} }, target: 'POST /v1/systemone' },
  { path: '/ollama/v1/systemone', body: { state: 'Hi', questions: {} }, target: 'POST /v1/systemone' },
  {
    path: '/ollama/v1/messages',
    body: { max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] },
    target: 'POST /api/chat',
  },
  { path: '/api/tags', target: 'GET /api/tags' },
  { path: '/api/ps', target: 'GET /api/ps' },
  { path: '/api/version', target: 'GET /api/version' },
]

/** Request headers that a browser, a proxy or an attacker may send. */
const readerHeaders = {
  origin: 'http://evil.test',
  referer: 'http://evil.test/page',
  cookie: 'session=secret',
  authorization: 'Bearer of-the-reader',
  'user-agent': 'of-the-reader',
  'accept-encoding': 'gzip, br',
  'accept-language': 'de',
  'x-forwarded-for': '10.0.0.1',
  'x-forwarded-host': 'evil.test',
  'x-forwarded-proto': 'https',
  forwarded: 'for=10.0.0.1',
  'x-request-id': 'of-the-reader',
  'x-api-key': 'of-the-reader',
  via: '1.1 of-the-reader',
}

/**
 * The only headers that Sluice may send to the upstream. It must not pass on any other header of a
 * reader's request.
 */
const allowed = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
  'user-agent',
])

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const answerModels =
  (models: object[]): Script =>
  (exchange) => {
    exchange.head(200, { 'content-type': 'application/json' })
    exchange.chunk(JSON.stringify({ models }))
    exchange.end()
  }

function toTarget({ method, target }: SeenRequest) {
  return `${method} ${target}`
}

/**
 * Returns only the requests that Sluice sends for a reader. On Node and Bun, Sluice also sends
 * requests when it starts, with another user agent.
 */
function ofReaders({ requests }: Upstream): SeenRequest[] {
  return requests.filter(({ headers }) => headers['user-agent'] === 'sluice')
}

function countSockets(requests: readonly SeenRequest[]): number {
  return new Set(requests.map(({ exchange }) => exchange.socket)).size
}

export function describeUpstream(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('requests to the upstream', () => {
    let upstream: Upstream
    let server: Server

    beforeAll(async () => {
      upstream = await startUpstream()
      server = await startServer(runtime, { SLUICE_CORS_ORIGINS: readerHeaders.origin, OLLAMA_HOST: upstream.url })
    })
    afterAll(async () => {
      expect(upstream.strangers).toEqual([])
      await server.stop()
      await upstream.close()
    })

    /**
     * Returns a model for this path. Only a path that streams can use a scripted model, because a
     * script answers with a stream.
     */
    const toModel = (target: string) => (/generate|chat/.test(target) ? upstream.script(short) : 'gemma3:270m')

    /** Sends a request to Sluice and returns the request that the upstream got for it. */
    async function see(path: string, body: object | undefined, headers: Record<string, string> = {}): Promise<SeenRequest> {
      const from = ofReaders(upstream).length
      const answer = await readAll(read(server, { path, headers, ...(body && { body }) }))
      expect(answer.status).toBe(200)
      const [seen, ...more] = ofReaders(upstream).slice(from)
      expect(more).toEqual([])
      return seen!
    }

    each(asks)('$path becomes $target, without its query', async ({ path, body, target }) => {
      const model = toModel(target)
      for (const query of ['', '?model=evil&stream=false'])
        expect(toTarget(await see(path + query, body && { ...body, model }))).toBe(target)
    })

    each(asks)('$path: no header of the reader arrives', async ({ path, body, target }) => {
      const model = toModel(target)
      const { headers } = await see(path, body && { ...body, model }, readerHeaders)
      expect(Object.keys(headers).filter((name) => !allowed.has(name))).toEqual([])
      expect(headers).toMatchObject({
        host: `127.0.0.1:${upstream.port}`,
        'accept-encoding': 'identity',
        'user-agent': 'sluice',
        ...(body && { 'content-type': 'application/json' }),
      })
      expect(headers).not.toHaveProperty('authorization')
      expect(JSON.stringify(headers)).not.toMatch(/reader|evil|secret/)
    })

    test.each([
      {
        name: 'a valid trace arrives',
        sent: { traceparent, tracestate: 'a=1,b=2' },
        seen: { traceparent, tracestate: 'a=1,b=2' },
      },
      { name: 'a trace without a state arrives', sent: { traceparent }, seen: { traceparent } },
      { name: 'a tracestate without a traceparent does not arrive', sent: { tracestate: 'a=1' }, seen: {} },
      {
        name: 'a trace in capitals does not arrive',
        sent: { traceparent: traceparent.toUpperCase(), tracestate: 'a=1' },
        seen: {},
      },
      {
        name: 'a trace of another length does not arrive',
        sent: { traceparent: `${traceparent}0`, tracestate: 'a=1' },
        seen: {},
      },
      {
        name: 'a tracestate that is too long does not arrive',
        sent: { traceparent, tracestate: 'a'.repeat(513) },
        seen: { traceparent },
      },
    ])('$name', async ({ sent, seen }) => {
      const { headers } = await see('/api/generate', { model: upstream.script(short) }, sent)
      const trace = Object.entries(headers).filter(([name]) => name.startsWith('trace'))
      expect(Object.fromEntries(trace)).toEqual(seen)
    })

    describe.each(framings)('of %s', (framing) => {
      test.each(['/api/generate', '/api/chat'])('%s: the body arrives unchanged, but with stream:true', async (path) => {
        const model = upstream.script(short)
        const body = {
          prompt: 'Grüße 👋🏽 \u2028 \u0000',
          options: { temperature: 0.7, seed: 42, stop: ['\n\n'], of_a_newer_ollama: { deep: [1, 2.5, -3, null] } },
          keep_alive: -1,
          think: 'low',
          of_a_newer_ollama: { a: [true, { b: '…' }] },
          '': 0,
        }
        const reader = generate(server, framing, { ...body, model }, { path })
        expect((await readAll(reader)).status).toBe(200)
        expect(upstream.requestsFor(model).map(({ json }) => json)).toEqual([{ ...body, model, stream: true }])
      })
    })

    test('/chat: its text as a prompt, the fields it knows, and nothing else', async () => {
      const model = upstream.script(short)
      const known = { system: 'Be brief', think: false, options: { seed: 1 }, keep_alive: '5m' }
      const { json } = await see('/chat', { ...known, text: ' Hi ', model, stream: false, context: [1], unknown: 1 })
      expect(json).toEqual({ ...known, prompt: ' Hi ', model, stream: true })
    })

    test.each(framings)(
      'one connection for generations in turn: a finished answer is read to its end (hazard 16): %s',
      async (framing) => {
        // The body ends a moment after the done line, as on a real network.
        const model = upstream.script(async (exchange) => {
          exchange.head(200, ndjson)
          exchange.chunk(`${toDeltaLine(exchange.request, ' token')}\n${toDoneLine(exchange.request, 1)}\n`)
          await pause(exchange, 10)
          exchange.end()
        })
        for (let round = 0; round < 10; round++) {
          expect((await readAll(generate(server, framing, model))).status).toBe(200)
          await upstream.requestsFor(model)[round]!.exchange.ended
        }
        // If the next request starts before the body has ended, that request opens a second
        // connection. The later requests then use these two connections again.
        expect(countSockets(upstream.requestsFor(model))).toBeLessThanOrEqual(2)
      },
    )
  })

  test('OLLAMA_HOST keeps its path, and OLLAMA_API_KEY is sent as a Bearer token', async () => {
    const upstream = await startUpstream()
    const key = 'a-secret-key'
    const server = await startServer(runtime, {
      SLUICE_CORS_ORIGINS: readerHeaders.origin,
      OLLAMA_HOST: `${upstream.url}/some/prefix/`,
      OLLAMA_API_KEY: key,
    })
    try {
      for (const path of ['/api/generate', '/api/chat']) upstream.on(`POST /some/prefix${path}`, short)
      upstream.on('GET /some/prefix/api/tags', answerModels([]))
      for (const path of ['/api/generate', '/api/chat'])
        expect((await readAll(generate(server, 'sse', 'any', { path, headers: readerHeaders }))).status).toBe(200)
      expect((await readAll(read(server, { path: '/api/tags' }))).status).toBe(200)

      const asked = ofReaders(upstream)
      expect(asked.map(toTarget)).toEqual([
        'POST /some/prefix/api/generate',
        'POST /some/prefix/api/chat',
        'GET /some/prefix/api/tags',
      ])
      expect(asked.map(({ headers }) => headers['authorization'])).toEqual(Array(3).fill(`Bearer ${key}`))
      expect(server.output()).not.toContain(key)
    } finally {
      await server.stop()
      await upstream.close()
    }
  })

  describe('the model of a request that names none', () => {
    let upstream: Upstream

    beforeAll(async () => {
      upstream = await startUpstream()
    })
    afterAll(() => upstream.close())

    /**
     * Sets the upstream's lists of loaded models (`ps`) and installed models (`tags`), starts a
     * server without cached lists, and calls `run`.
     */
    async function withLists(
      { env = {}, ps, tags }: { env?: Record<string, string>; ps?: object[]; tags?: object[] },
      run: (
        ask: (body?: object) => Promise<{ status: number; text: string; model: unknown }>,
        asked: () => string[],
      ) => Promise<void>,
    ) {
      const undo = [
        ps ? upstream.on('GET /api/ps', answerModels(ps)) : () => {},
        tags ? upstream.on('GET /api/tags', answerModels(tags)) : () => {},
        upstream.on('POST /api/generate', short),
      ]
      const server = await startServer(runtime, {
        SLUICE_CORS_ORIGINS: readerHeaders.origin,
        OLLAMA_HOST: upstream.url,
        ...env,
      })
      const from = ofReaders(upstream).length
      const asked = () => ofReaders(upstream).slice(from).map(toTarget)
      try {
        await run(async (body = {}) => {
          const { status, text } = await readAll(read(server, { path: '/api/generate', body: { prompt: 'Hi', ...body } }))
          return { status, text, model: (ofReaders(upstream).at(-1)!.json as { model?: unknown } | undefined)?.model }
        }, asked)
      } finally {
        await server.stop()
        for (const undoOne of undo) undoOne()
      }
    }

    const installed = (JSON.parse(loadRecording('tags').chunks[0]![1]) as { models: { name: string; modified_at: string }[] })
      .models
    const newest = installed.toSorted((a, b) => Date.parse(b.modified_at) - Date.parse(a.modified_at))[0]!.name

    test('is SLUICE_MODEL, without a request for a list', async () => {
      await withLists({ env: { SLUICE_MODEL: 'configured:1b' } }, async (ask, asked) => {
        expect(await ask()).toMatchObject({ status: 200, model: 'configured:1b' })
        expect(await ask({ model: null })).toMatchObject({ status: 200, model: 'configured:1b' })
        expect(await ask({ model: 'named' })).toMatchObject({ status: 200, model: 'named' })
        expect(asked()).toEqual(Array(3).fill('POST /api/generate'))
      })
    })

    test('is otherwise a loaded model, looked up once', async () => {
      await withLists({}, async (ask, asked) => {
        expect(await ask()).toMatchObject({ status: 200, model: 'gemma3:270m' })
        expect(await ask()).toMatchObject({ status: 200, model: 'gemma3:270m' })
        expect(asked()).toEqual(['GET /api/ps', 'POST /api/generate', 'POST /api/generate'])
      })
    })

    test('is otherwise the newest installed model, wherever in the list, looked up once', async () => {
      await withLists({ ps: [], tags: installed.toReversed() }, async (ask, asked) => {
        expect(await ask()).toMatchObject({ status: 200, model: newest })
        expect(await ask()).toMatchObject({ status: 200, model: newest })
        expect(asked()).toEqual(['GET /api/ps', 'GET /api/tags', 'POST /api/generate', 'POST /api/generate'])
      })
    })

    test('is never an embedding model or a cloud model', async () => {
      const useless = [
        { name: 'embedder', modified_at: '2027-01-01T00:00:00Z', details: { family: 'nomic-bert' } },
        { name: 'elsewhere:cloud', modified_at: '2027-01-01T00:00:00Z', remote_host: 'https://ollama.com' },
      ]
      await withLists({ ps: useless, tags: [...useless, { name: 'useful' }] }, async (ask) => {
        expect(await ask()).toMatchObject({ status: 200, model: 'useful' })
      })
    })

    test('if none is installed, the answer is 503 no_model with the command to run, until one is installed', async () => {
      const tags: object[] = []
      await withLists({ ps: [], tags }, async (ask) => {
        const { status, text } = await ask()
        expect([status, JSON.parse(text)]).toMatchObject([503, { code: 'no_model', error: /ollama pull \S+/ }])
        tags.push({ name: 'pulled' })
        expect(await ask()).toMatchObject({ status: 200, model: 'pulled' })
      })
    })

    test.each([
      [{ SLUICE_MODEL: 'configured:1b' }, 'configured:1b'],
      [{}, 'gemma3:270m'],
      [{ SLUICE_MODELS: 'nothing' }, undefined],
    ])('is in a header of the list of models if a reader prefers that: %j', async (env, model) => {
      const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, ...env })
      try {
        const headers = { prefer: 'default-model' }
        const list = await readAll(read(server, { path: '/api/tags', headers }))
        expect(list).toMatchObject({ status: 200, headers: model ? { 'x-sluice-default-model': model } : {} })
        expect('x-sluice-default-model' in list.headers).toBe(model !== undefined)
        const others = await readAll(read(server, { path: '/api/tags' }))
        expect(others.headers).not.toHaveProperty('x-sluice-default-model')
      } finally {
        await server.stop()
      }
    })

    test.each(framings)('is in the last line of the answer: %s', async (framing) => {
      const server = await startServer(runtime, { SLUICE_CORS_ORIGINS: readerHeaders.origin, OLLAMA_HOST: upstream.url })
      try {
        const { text } = await readAll(generate(server, framing, { prompt: 'Hi' }))
        expect(toTold(framing, text).chunks.at(-1)).toMatchObject({ model: 'gemma3:270m', done: true })
      } finally {
        await server.stop()
      }
    })
  })
}
