import { describe, expect, test } from 'vitest'
import { flatOut, lines, silent, thenSilent } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import {
  framings,
  generate,
  read,
  readAll,
  readFailure,
  toSseEvents,
  toTold,
  type Failure,
  type Framing,
  type ReaderRequest,
} from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

/** Failures before commit that do not involve the upstream, one of each kind. */
const early: readonly (ReaderRequest & { name: string; status: number; code: string })[] = [
  { name: 'no JSON', path: '/api/generate', body: '{', status: 400, code: 'invalid_json' },
  { name: 'a wrong field', path: '/api/chat', body: { stream: 5 }, status: 400, code: 'invalid_request' },
  { name: 'an unknown path', path: '/nothing', status: 404, code: 'not_found' },
  { name: 'a wrong method', path: '/api/chat', status: 405, code: 'method_not_allowed' },
  { name: 'a body beyond the limit', path: '/chat', body: 'x'.repeat(100_001), status: 413, code: 'body_too_large' },
  {
    name: 'a body in an unknown coding',
    path: '/chat',
    body: '{}',
    headers: { 'content-encoding': 'compress' },
    status: 415,
    code: 'unsupported_encoding',
  },
  { name: 'an unknown model', path: '/chat', body: { text: 'Hi', model: 'no' }, status: 404, code: 'model_not_found' },
]

/** Sends a whole answer. */
function answer(status: number, body: string, headers: Record<string, string> = {}): Script {
  return (exchange) => {
    exchange.head(status, { 'content-length': String(Buffer.byteLength(body)), ...headers })
    exchange.chunk(body)
    exchange.end()
  }
}

/**
 * Errors (docs/protocol.md#4-errors). Errors that the upstream causes are tested in faults.ts.
 */
export function describeErrors(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('errors', () => {
    const stage = useStage(runtime, { SLUICE_MAX_BODY_BYTES: '100000', SLUICE_MAX_LINE_BYTES: '10000', SLUICE_LOG: 'json' })

    test.each(early)('$name is $status $code in the envelope, and nothing else', async ({ status, code, ...request }) => {
      const reader = read(stage.server, request)
      const { headers, ...failure } = await readFailure(reader)
      expect(failure).toMatchObject({ status, code, ended: 'clean' })
      expect(headers['content-type']).toBe('application/json')
      const body = JSON.parse(reader.text) as Failure
      const names = ['error', 'code', 'request_id', ...(code === 'invalid_request' ? ['issues'] : [])]
      expect(Object.keys(body)).toEqual(names)
      expect(body.error).toMatch(/\w{3}/)
      expect(body.request_id).toBe(headers['x-request-id'])
      expect(headers).not.toHaveProperty('retry-after')
    })

    describe('request ids', () => {
      const ask = (id: string, request: ReaderRequest) =>
        readAll(read(stage.server, { ...request, headers: { ...request.headers, 'x-request-id': id } }))
      const answers: readonly (ReaderRequest & { name: string })[] = [
        { name: 'a small answer', path: '/ping' },
        { name: 'a catalog', path: '/api/tags' },
        { name: 'SSE', path: '/api/generate', body: { model: 'smollm2:135m' } },
        { name: 'NDJSON', path: '/api/chat', body: { model: 'smollm2:135m' }, headers: { accept: 'application/x-ndjson' } },
        { name: 'one object', path: '/api/generate', body: { model: 'smollm2:135m', stream: false } },
        { name: 'messages', path: '/chat', body: { text: 'Hi', model: 'smollm2:135m' } },
        ...early,
      ]

      each(answers)('the caller’s own id comes back with $name', async (request) => {
        expect((await ask('My.own_id-1', request)).headers['x-request-id']).toBe('My.own_id-1')
      })

      each(answers)('a new id comes with $name', async (request) => {
        const [first, second] = await Promise.all([readAll(read(stage.server, request)), readAll(read(stage.server, request))])
        expect(first.headers['x-request-id']).toMatch(uuid)
        expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id'])
      })

      each(['a', '0', '.', '_', '-', 'A.b_c-9', 'x'.repeat(128), '..', '550e8400-e29b-41d4-a716-446655440000'])(
        '%s is accepted',
        async (id) => {
          const { headers, text } = await ask(id, { path: '/nothing' })
          expect(headers['x-request-id']).toBe(id)
          expect(JSON.parse(text)).toMatchObject({ request_id: id })
        },
      )

      each(['x'.repeat(129), 'a b', 'a/b', 'a=b', 'a+b', 'a,b', 'é', '"a"', '<a>', 'a;b', 'a\tb', '%41', '{{7*7}}', ''])(
        '%s is replaced',
        async (id) => {
          const { headers, text } = await ask(id, { path: '/nothing' })
          expect(headers['x-request-id']).toMatch(uuid)
          expect(JSON.parse(text)).toMatchObject({ request_id: headers['x-request-id'] })
        },
      )

      test.each(['sse', 'ndjson'] as const)('a failure after commit has the caller’s id too, as %s', async (framing) => {
        const model = stage.upstream.script(lines(['{"response":"a","done":false}', '{"error":"died"}']))
        const told = await readAll(generate(stage.server, framing, model, { headers: { 'x-request-id': 'mine-7' } }))
        expect(told.headers['x-request-id']).toBe('mine-7')
        expect(toTold(framing, told.text).failed).toEqual({ error: 'died', code: 'upstream_failed', request_id: 'mine-7' })
      })
    })

    describe('issues', () => {
      each([
        ['/api/generate', { stream: 5 }, ['stream']],
        ['/api/generate', { model: 5, stream: 'true', prompt: {} }, ['model', 'stream']],
        ['/api/embed', { model: ['m'], input: [['a']] }, ['model']],
        ['/chat', { model: 'a b', text: 5 }, ['text', 'model']],
        ['/chat', { text: '' }, ['text']],
      ])('%s %j has issues at %j', async (path, body, paths) => {
        const { status, code, error, issues } = await readFailure(read(stage.server, { path, body }))
        expect({ status, code }).toEqual({ status: 400, code: 'invalid_request' })
        expect(issues!.map((issue) => issue.path)).toEqual(paths)
        for (const { message } of issues!) expect(message).toMatch(/^(Expected |Missing$)/)
        expect(error).toContain(`${paths[0]}: ${issues![0]!.message}`)
      })

      test('are the first few of many, and never repeat what was sent', async () => {
        const canary = 'canary7f3a'
        const body = { model: `${canary}/../x`, messages: Array.from({ length: 5000 }, () => canary) }
        const reader = read(stage.server, { path: '/api/ui/chat', body })
        const { issues } = await readFailure(reader)
        expect(issues).toHaveLength(8)
        expect(reader.text).not.toContain(canary)
        expect(reader.text.length).toBeLessThan(2000)
      })
    })

    describe('Retry-After', () => {
      const one = useStage(runtime, { SLUICE_MAX_STREAMS: '1', ...(runtime !== 'worker' && { SLUICE_HEARTBEAT_MS: '1000' }) })

      test('too_many_streams has Retry-After, and a reader that disconnects frees its place', async () => {
        const model = one.upstream.script(thenSilent(1))
        const first = generate(one.server, 'sse', model)
        await first.until((text) => text.includes('token'))

        const others = [
          ...framings.map((framing) => generate(one.server, framing, 'smollm2:135m')),
          read(one.server, { path: '/chat', body: { text: 'Hi', model: 'smollm2:135m' } }),
          read(one.server, { path: '/api/embed', body: { model: 'smollm2:135m', input: 'a' } }),
          read(one.server, { path: '/api/tags' }),
        ]
        for (const other of others) {
          const failure = await readFailure(other)
          expect(failure).toMatchObject({ status: 503, code: 'too_many_streams', headers: { 'retry-after': '5' } })
        }
        expect(await readAll(read(one.server, { path: '/ping' }))).toMatchObject({ status: 200 })

        first.leave()
        const again = () => readAll(generate(one.server, 'ndjson', 'smollm2:135m'))
        await expect.poll(again, { timeout: 5000, interval: 50 }).toMatchObject({ status: 200 })
      })

      test.each(framings)('upstream_busy has Retry-After: 1 where Ollama sends none, as %s', async (framing) => {
        const model = stage.upstream.script(answer(503, '{"error":"server busy"}'))
        const failure = await readFailure(generate(stage.server, framing, model))
        expect(failure).toMatchObject({
          status: 503,
          code: 'upstream_busy',
          error: 'server busy',
          headers: { 'retry-after': '1' },
        })
      })
    })

    describe('internals of the upstream do not reach the reader', () => {
      const stack = 'goroutine 1 [running]:\nmain.main()\n\t/go/src/ollama/main.go:17 +0x1d'
      each<readonly [name: string, status: number, body: string, code: string, kept: string]>([
        ['a stack', 500, JSON.stringify({ error: `panic: boom\n${stack}` }), 'upstream_failed', 'panic: boom'],
        ['an address', 500, JSON.stringify({ error: 'dial tcp 10.1.2.3:34567: refused' }), 'upstream_failed', 'dial tcp'],
        ['a URL', 400, JSON.stringify({ error: 'Get "http://inner.lan:8080/x?k=1": EOF' }), 'upstream_rejected', 'Get'],
        ['an IPv6 address', 500, JSON.stringify({ error: 'dial tcp [fe80::1]:80: refused' }), 'upstream_failed', 'dial tcp'],
        ['a host with its port', 500, JSON.stringify({ error: 'lookup inner.lan:53 failed' }), 'upstream_failed', 'lookup'],
        [
          'HTML',
          502,
          '<html><body>inner.lan</body></html>',
          'upstream_failed',
          'Ollama failed with status 502 and did not say why; look at its log',
        ],
        ['HTML as its error', 500, JSON.stringify({ error: '<html>inner.lan</html>' }), 'upstream_failed', 'Ollama failed'],
        ['plain text', 500, `at inner.lan\n${stack}`, 'upstream_failed', 'Ollama failed'],
        ['a very long error', 400, JSON.stringify({ error: `boom ${'x'.repeat(5000)}` }), 'upstream_rejected', 'boom'],
      ])('%s', async (_name, status, body, code, kept) => {
        for (const framing of framings) {
          const reader = generate(stage.server, framing, stage.upstream.script(answer(status, body)))
          const failure = await readFailure(reader)
          expect(failure).toMatchObject({ status: status >= 500 ? 502 : status, code })
          expect(failure.error).toContain(kept)
          expect(failure.error.length).toBeLessThanOrEqual(1000)
          // The request id is random, so it may contain fe80 by chance.
          const told = reader.text.replace(failure.request_id, '')
          expect(told).not.toMatch(/goroutine|main\.go|10\.1\.2\.3|inner\.lan|fe80|34567|<html|\\n/)
        }
      })

      test('in the middle of a stream too', async () => {
        const error = `dial tcp 127.0.0.1:34567: refused\n${stack}`
        const model = stage.upstream.script(lines(['{"response":"a","done":false}', JSON.stringify({ error })]))
        const { text } = await readAll(generate(stage.server, 'sse', model))
        expect(JSON.parse(toSseEvents(text).at(-1)!.data)).toMatchObject({ error: 'dial tcp [address]: refused' })
        expect(text).not.toMatch(/goroutine|127\.0\.0\.1/)
      })

      test('its address, when the upstream cannot be reached', async () => {
        await stage.upstream.stop()
        const readers = [generate(stage.server, 'sse', 'm'), read(stage.server, { path: '/api/tags' })]
        for (const reader of readers) {
          expect(await readFailure(reader)).toMatchObject({ status: 502, code: 'upstream_unreachable' })
          expect(reader.text).not.toMatch(/127\.0\.0\.1|ECONN|node:|\.ts|at /)
          // The request id is random, so it may contain the digits of the port by chance.
          const told = reader.text.replace(/"request_id":"[^"]*"/, '')
          expect(told).not.toContain(String(stage.upstream.port))
        }
        await stage.upstream.start()
      })
    })

    describe('a failure before commit has its real status', () => {
      test.each<readonly [name: string, status: number, code: string, script: Script]>([
        ['400', 400, 'upstream_rejected', answer(400, '{"error":"model is required"}')],
        ['401', 401, 'upstream_rejected', answer(401, '{"error":"unauthorized"}')],
        ['403 without a body', 403, 'upstream_rejected', answer(403, '')],
        ['404 of a model', 404, 'model_not_found', answer(404, '{"error":"model \'x\' not found"}')],
        ['429', 429, 'upstream_busy', answer(429, '{"error":"slow down"}')],
        ['500', 502, 'upstream_failed', answer(500, '{"error":"no memory"}')],
        ['an error as the first line', 502, 'upstream_failed', lines(['{"error":"no memory"}'])],
        ['an end at once', 502, 'upstream_truncated', lines([])],
      ])('%s', async (_name, status, code, script) => {
        const ask: (framing: Framing | 'messages') => ReturnType<typeof read> = (framing) => {
          const model = stage.upstream.script(script)
          if (framing !== 'messages') return generate(stage.server, framing, model)
          return read(stage.server, { path: '/chat', body: { text: 'Hi', model } })
        }
        for (const framing of [...framings, 'messages'] as const)
          expect(await readFailure(ask(framing)), framing).toMatchObject({ status, code })
      })
    })

    describe('without any model', () => {
      const empty = useStage(runtime)

      test('a request that names no model is no_model, and its text says how to get one', async () => {
        const none = answer(200, '{"models":[]}', { 'content-type': 'application/json' })
        const restore = [empty.upstream.on('GET /api/ps', none), empty.upstream.on('GET /api/tags', none)]
        for (const framing of framings) {
          const failure = await readFailure(generate(empty.server, framing, { prompt: 'Hi' }))
          expect(failure).toMatchObject({ status: 503, code: 'no_model', error: expect.stringContaining('ollama pull') })
        }
        for (const undo of restore) undo()
        // The server does not remember the failure, so the next request finds the new model.
        expect(await readAll(generate(empty.server, 'sse', { prompt: 'Hi' }))).toMatchObject({ status: 200 })
      })
    })

    // V8 in workerd and Deno can write JSON of any depth, so no answer of Ollama can make the
    // encoder fail there.
    if (runtime === 'node' || runtime === 'bun') {
      describe('an error inside Sluice', () => {
        // The grace is long enough for a slow machine to parse the deeply nested JSON below.
        const stage = useStage(runtime, { SLUICE_LOG: 'json', SLUICE_GRACE_MS: '10000' })
        const canary = 'canary7f3a'
        // A value that is nested so deep that Node and Bun cannot write it as JSON. So our encoders
        // fail.
        const deep = `${'['.repeat(100_000)}"${canary}"${']'.repeat(100_000)}`
        const odd = `{"message":{"tool_calls":[{"function":{"name":"f","arguments":${deep}}}]},"deep":${deep},"done":true}`

        test('has the code internal and a text without details; the log has the cause', async () => {
          const headers = { 'x-request-id': 'stumble-1' }
          const model = stage.upstream.script(lines([odd]))
          const readers = [
            read(stage.server, { path: '/chat', body: { text: 'Hi', model }, headers }),
            generate(stage.server, 'folded', stage.upstream.script(lines(['{"message":{}}', odd])), {
              path: '/api/chat',
              headers,
            }),
          ]
          for (const reader of readers) {
            expect(await readFailure(reader)).toMatchObject({
              status: 500,
              code: 'internal',
              error: expect.stringContaining('its log'),
            })
            expect(reader.text).not.toMatch(/RangeError|stack size|\.ts|\.js|at |canary/)
          }
          await expect
            .poll(() => stage.server.output())
            .toMatch(/"request_id":"stumble-1".*"code":"internal".*"cause":"RangeError/)
          expect(stage.server.output()).not.toContain(canary)
        })

        test('is a failed event after commit, and the upstream stops', async () => {
          const model = stage.upstream.script(thenSilent(1))
          const reader = read(stage.server, {
            path: '/chat',
            body: { text: 'Hi', model },
            headers: { 'x-request-id': 'stumble-2' },
          })
          await reader.until((text) => text.includes('token'))
          const { exchange } = await stage.upstream.next(model)
          exchange.chunk(`${odd}\n`)
          const { text, ended } = await readAll(reader)
          expect(ended).toBe('clean')
          await exchange.closedByReader
          const failed = toSseEvents(text).at(-1)!
          expect(failed.event).toBe('failed')
          expect(JSON.parse(failed.data)).toMatchObject({ code: 'internal', error: expect.stringContaining('its log') })
          await expect
            .poll(() => stage.server.output())
            .toMatch(/"request_id":"stumble-2".*"ended":"failed".*"cause":"RangeError/)
        })

        test.each<[path: string, body: object, told: RegExp]>([
          [
            '/v1/chat/completions',
            { stream: true },
            /^data: \{"error":\{"message":"[^"]+","type":"server_error","code":"internal","param":null\}\}$/,
          ],
          [
            '/v1/messages',
            { stream: true, max_tokens: 5 },
            /^data: \{"type":"error","error":\{"type":"api_error",.*"code":"internal"\}/,
          ],
          ['/v1/responses', { stream: true, input: 'Hi' }, /"type":"response.failed".*"code":"internal"/],
          [
            '/api/ui/chat',
            { messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] },
            /^data: \{"type":"error"/,
          ],
        ])('at %s is the last event, in the envelope of the dialect', async (path, body, told) => {
          const model = stage.upstream.script(lines(['{"message":{"content":"a"}}', odd], { pace: 100 }))
          const messages = [{ role: 'user', content: 'Hi' }]
          const { text } = await readAll(read(stage.server, { path, body: { model, messages, ...body } }))
          const last = text.trimEnd().split('\n').at(-1)!
          expect(last).toMatch(told)
          expect(text).toContain('Something went wrong inside Sluice')
        })
      })
    }

    test('an answer in one piece that grows beyond the line limit is line_too_long, and the upstream stops', async () => {
      const model = stage.upstream.script(flatOut())
      const reader = generate(stage.server, 'folded', model)
      const { exchange } = await stage.upstream.next(model)
      expect(await readFailure(reader)).toMatchObject({ status: 502, code: 'line_too_long' })
      await exchange.closedByReader
    })

    test('a reader of NDJSON gets no status before the first line', async () => {
      const model = stage.upstream.script(silent())
      const reader = generate(stage.server, 'ndjson', model)
      const { exchange } = await stage.upstream.next(model)
      expect(reader.byteCount).toBe(0)
      exchange.head(500, { 'content-length': '2' })
      exchange.chunk('{}')
      exchange.end()
      expect(await readFailure(reader)).toMatchObject({ status: 502, code: 'upstream_failed' })
    })
  })
}
