import { describe, expect, onTestFinished, test } from 'vitest'
import { loadRecording, recordingNames, toBytes, type Recording } from '#fake-ollama/recording.ts'
import { json, lines, replay, silent, tokens } from '#fake-ollama/scripts.ts'
import { deaths, twoTokensThen } from '../deaths.ts'
import { read, readAll, type Answer, type ReaderRequest } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

/**
 * Recordings whose requests Sluice itself refuses, with its own text. Ollama never gets these
 * requests.
 */
const refused = ['error-bad-json', 'error-empty-body', 'error-invalid-name']
/**
 * Recordings whose requests have no model. Ollama refuses them, but Sluice adds its default model.
 */
const answered = ['error-no-model', 'error-chat-no-model']
/** Recordings of answers that come from Ollama's router. */
const routed = ['root', 'head-root', 'error-method', 'error-unknown-path']
/**
 * Recordings of requests that Ollama refuses because of a foreign `Origin` or `Host` header. Sluice
 * never sends the `Origin` or `Host` of a reader's request to Ollama.
 */
const foreign = ['error-origin', 'error-host']
/** Recordings of routes that exist only if management is on. management.ts tests them. */
const managed = ['create-stream', 'error-pull', 'copy', 'delete']
/** Recordings of APIs other than Ollama's own. */
const isOther = (name: string) => /\/(v1-|runner-dies-v1)/.test(name)
/** Recordings of streams that end without a terminal. For them, Sluice sends an error. */
const truncated = ['generate-truncated']

const apart = new Set([...refused, ...answered, ...routed, ...foreign, ...managed, ...truncated])
/** All other recordings. The reader must get exactly the recorded bytes. */
const verbatim = recordingNames().filter((name) => !apart.has(name.split('/')[1]!) && !isOther(name))

const textOf = (recording: Recording) => Buffer.from(toBytes(recording)).toString()
/** Splits a text into its lines. Returns the lines without their LF. */
const toSaid = (text: string) => text.replace(/\n$/, '').split('\n')
const mediaTypeOf = ({ headers }: Pick<Answer, 'headers'> | Recording) => String(headers['content-type']).split(';')[0]

const short = tokens({ count: 1 })

/**
 * The routes below `/ollama`, which replace Ollama's own API (docs/protocol.md#5-ollama-drop-in).
 */
export function describeOllama(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('ollama', () => {
    const stage = useStage(runtime)
    const send = (request: ReaderRequest) => read(stage.server, { ...request, path: `/ollama${request.path}` })
    const chat = (model: string, body: object = {}) =>
      send({ path: '/api/chat', body: { model, messages: [{ role: 'user', content: 'Hi' }], ...body } })

    /** Sends a recorded request again, with another model if `model` is given. */
    function repeat({ request }: Recording, model?: string) {
      const { method, path, body } = request
      const asked = typeof body === 'object' && body !== null && model ? { ...body, model } : body
      return send({ method, path, ...(asked !== null && { body: asked as object | string }) })
    }

    describe('byte for byte', () => {
      each(verbatim)('%s', async (name) => {
        const recording = loadRecording(name)
        const { body, method, path } = recording.request
        const model = stage.upstream.script(replay(name))
        if (body === null) onTestFinished(stage.upstream.on(`${method} ${path}`, replay(name)))
        const reader = repeat(recording, model)
        if (recording.ended !== 'clean end') {
          await reader.until((text) => text === textOf(recording))
          return reader.leave()
        }
        const answer = await readAll(reader)
        expect(answer).toMatchObject({ status: recording.status, text: textOf(recording), ended: 'clean' })
        expect(mediaTypeOf(answer)).toBe(mediaTypeOf(recording))
        const seen = stage.upstream.requests.at(-1)!
        expect(seen).toMatchObject({ method, target: path })
        if (body) expect(seen.json).toEqual({ ...body, model, ...(/generate|chat/.test(path) && { stream: true }) })
      })

      test('an answer in one piece is joined from the lines of the stream', async () => {
        const model = stage.upstream.script(replay('chat-stream'))
        const { headers, text } = await readAll(chat(model, { stream: false }))
        expect(headers).toMatchObject({ 'content-type': 'application/json' })
        const whole = toSaid(textOf(loadRecording('chat-stream'))).map(
          (line) => JSON.parse(line) as { message: { content: string } },
        )
        const content = whole.map(({ message }) => message.content).join('')
        expect(JSON.parse(text)).toEqual({ ...whole.at(-1), message: { role: 'assistant', content } })
      })

      test.each(['tags', 'ps', 'version'])('GET /api/%s has Ollama’s bytes too', async (name) => {
        expect((await readAll(read(stage.server, { path: `/api/${name}` }))).text).toBe(textOf(loadRecording(name)))
      })

      test.each(['show', 'embed'])('POST /api/%s has Ollama’s bytes too', async (name) => {
        const recording = loadRecording(name)
        const { path, body } = recording.request
        expect((await readAll(read(stage.server, { path, body: body as object }))).text).toBe(textOf(recording))
      })

      test('POST /api/embeddings, with and without /ollama', async () => {
        const said = '{ "embedding": [1e-5,-0, 0.10],\t"x":"\\u003c" }'
        const undo = stage.upstream.on('POST /api/embeddings', (exchange) => {
          exchange.head(200, { 'content-type': 'application/json; charset=utf-8' })
          exchange.chunk(said)
          exchange.end()
        })
        const asked = { path: '/api/embeddings', body: { model: 'any', prompt: 'Hi' } }
        for (const reader of [send(asked), read(stage.server, asked)]) expect((await readAll(reader)).text).toBe(said)
        undo()
      })

      test.each([undefined, 'text/event-stream', '*/*', 'application/x-ndjson;q=0, text/event-stream'])(
        'a stream is NDJSON, whatever Accept says: %s',
        async (accept) => {
          const recording = loadRecording('generate-html')
          const model = stage.upstream.script(replay('generate-html'))
          const answer = await readAll(
            send({ path: '/api/generate', body: { model, prompt: 'Hi' }, ...(accept && { headers: { accept } }) }),
          )
          expect(answer).toMatchObject({ status: 200, text: textOf(recording) })
          expect(answer.headers).toMatchObject({ 'content-type': 'application/x-ndjson', 'x-request-id': expect.any(String) })
        },
      )
    })

    describe('with errors and defaults of Sluice’s own', () => {
      each(refused)('%s is refused before Ollama gets a request', async (name) => {
        const asked = await countRequests(stage, async () => {
          const answer = await readAll(repeat(loadRecording(name)))
          expect(answer.status).toBe(400)
          expect(mediaTypeOf(answer)).toBe('application/json')
          expect(JSON.parse(answer.text)).toEqual({ error: expect.stringMatching(/\w/) as string })
        })
        expect(asked).toBe(0)
      })

      each(answered)('%s has the default model', async (name) => {
        const { status, text } = await readAll(repeat(loadRecording(name)))
        expect(status).toBe(200)
        expect(text).toMatch(/"done":true[^\n]*\n$/)
        expect(stage.upstream.requests.at(-1)!.json).toMatchObject({ model: 'gemma3:270m' })
      })

      test('a refusal of Ollama’s with an empty body gets an error text', async () => {
        const { status, text } = await readAll(chat(stage.upstream.script(replay('error-origin'))))
        expect(status).toBe(403)
        expect(JSON.parse(text)).toEqual({ error: expect.stringContaining('OLLAMA_ORIGINS') as string })
      })

      test.each<[string, string | object | Uint8Array, Record<string, string>, number]>([
        ['an array', '[]', {}, 400],
        ['two values', '{}{}', {}, 400],
        ['broken UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), {}, 400],
        ['five million brackets', '['.repeat(5_000_000), {}, 400],
        ['a text as stream', { model: 'm', stream: 'true' }, {}, 400],
        ['a model that is a path', { model: '../../etc/passwd' }, {}, 400],
        ['a model that is a URL', { model: 'http://evil/x' }, {}, 400],
        ['a model with CRLF', { model: 'a\r\nx: y' }, {}, 400],
        ['a body in an unknown coding', {}, { 'content-encoding': 'compress' }, 415],
      ])('%s is refused, and the error does not quote it', async (_name, body, headers, status) => {
        const asked = await countRequests(stage, async () => {
          const answer = await readAll(send({ path: '/api/chat', body, headers }))
          expect(answer.status).toBe(status)
          expect(Object.keys(JSON.parse(answer.text) as object)).toEqual(['error'])
          expect(answer.text).not.toMatch(/passwd|evil/)
        })
        expect(asked).toBe(0)
      })

      each([
        ['show', {}],
        ['show', { model: '../x' }],
        ['embed', { model: '', input: 'a' }],
        ['embeddings', { prompt: 'a' }],
      ])('%s of %j is refused', async (about, body) => {
        const asked = await countRequests(stage, async () => {
          const { status, text } = await readAll(send({ path: `/api/${about}`, body }))
          expect(status).toBe(400)
          expect(Object.keys(JSON.parse(text) as object)).toEqual(['error'])
        })
        expect(asked).toBe(0)
      })
    })

    describe('requests that only Ollama checks', () => {
      each([
        { messages: [{ role: 'control', content: 'thinking' }] },
        { messages: [{ role: 'document 1', content: 'Hi' }] },
        { messages: [{ role: 'thinking', content: 'hm' }], think: 'a level of this model' },
        { messages: [{ role: 'User', images: ['aGVs\r\nbG8='] }], options: 'odd', keep_alive: {}, format: [], tools: '' },
        { messages: [{ role: 'user', content: 'Hi' }], Format: 'json', future: [1] },
      ])('%j arrives unchanged, with and without /ollama', async (body) => {
        const model = stage.upstream.script(tokens({ count: 1 }))
        for (const prefix of ['', '/ollama']) {
          const { status } = await readAll(read(stage.server, { path: `${prefix}/api/chat`, body: { model, ...body } }))
          expect(status).toBe(200)
          expect(stage.upstream.requestsFor(model).at(-1)!.json).toEqual({ ...body, model, stream: true })
        }
      })

      each(['', null, [], {}])('%j as model and as stream means the defaults', async (nothing) => {
        const { status, text } = await readAll(
          send({ path: '/api/generate', body: { model: nothing, stream: nothing, prompt: 'Hi' } }),
        )
        expect({ status, lines: toSaid(text).length > 1 }).toEqual({ status: 200, lines: true })
        expect(stage.upstream.requests.at(-1)!.json).toMatchObject({ model: 'gemma3:270m' })
      })

      each([
        { model: 'smollm2:135m', system: '', template: '', verbose: false, options: null, name: '' },
        { model: '', name: 'smollm2:135m' },
      ])('show accepts both `model` and `name`, as Go’s client sends them: %j', async (body) => {
        expect(await readAll(send({ path: '/api/show', body }))).toMatchObject({ status: 200 })
        expect(stage.upstream.requests.at(-1)!.json).toEqual(body)
      })
    })

    describe('a failure', () => {
      test('is the last line of a recorded stream that ends without one', async () => {
        const name = 'generate-truncated'
        const { text, ended } = await readAll(repeat(loadRecording(name), stage.upstream.script(replay(name))))
        expect(ended).toBe('clean')
        const said = toSaid(text)
        expect(`${said.slice(0, -1).join('\n')}\n`).toBe(textOf(loadRecording(name)))
        expect(JSON.parse(said.at(-1)!)).toEqual({ error: expect.stringContaining('without finishing') as string })
      })

      test.each(deaths)('is the last line when the upstream %s in the middle', async (_name, _code, end) => {
        const model = stage.upstream.script(twoTokensThen(end))
        const reader = chat(model)
        await reader.until((text) => text.includes(' two'))
        ;(await stage.upstream.next(model)).exchange.pass()
        const { text, ended } = await readAll(reader)
        expect(ended).toBe('clean')
        const said = toSaid(text)
        expect(said).toHaveLength(3)
        expect(JSON.parse(said[2]!)).toEqual({ error: expect.stringMatching(/Ollama|runner died/) as string })
      })

      each([
        ['as Ollama writes it', '{"error":"a \\u003cb\\u003e \\u0026 more"}', '{"error":"a \\u003cb\\u003e \\u0026 more"}'],
        ['without an address', '{"error":"dial tcp 10.1.2.3:4000: refused"}', '{"error":"dial tcp [address]: refused"}'],
        ['without a stack', '{"error":"panic\\ngoroutine 1"}', '{"error":"panic"}'],
        ['without its other fields', '{"error":"no","signin_url":"https://ollama.com/x"}', '{"error":"no"}'],
      ])('in the middle is passed on %s', async (_name, said, told) => {
        const delta = '{"model":"m","response":"One","done":false}'
        const model = stage.upstream.script(lines([delta, said, '{"response":"","done":true}']))
        const { text } = await readAll(send({ path: '/api/generate', body: { model, prompt: 'Hi' } }))
        expect(text).toBe(`${delta}\n${told}\n`)
      })

      test('of a busy Ollama has Ollama’s status and error, and Retry-After', async () => {
        const { status, headers, text } = await readAll(chat(stage.upstream.script(replay('error-busy'))))
        expect(status).toBe(503)
        expect(headers).toMatchObject({ 'retry-after': '1' })
        expect(text).toBe(textOf(loadRecording('error-busy')))
      })

      test('of a prompt that is longer than the context has Ollama’s error, and is invalid_request on Sluice’s own routes', async () => {
        const error = 'the prompt is longer than the context length currently available to the model; shorten the prompt'
        const model = stage.upstream.script(json({ error }, 400))
        expect(await readAll(chat(model))).toMatchObject({ status: 400, text: JSON.stringify({ error }) })
        const own = await readAll(read(stage.server, { path: '/api/generate', body: { model, prompt: 'Hi' } }))
        expect(own.status).toBe(400)
        expect(JSON.parse(own.text)).toEqual({ error, code: 'invalid_request', request_id: expect.any(String) })
      })

      test.each([true, false])('before the first line has a real status, stream: %s', async (stream) => {
        const answer = await readAll(
          chat(
            stage.upstream.script(({ reset }) => reset()),
            { stream },
          ),
        )
        expect(answer.status).toBe(502)
        expect(JSON.parse(answer.text)).toEqual({ error: expect.stringContaining('Ollama') as string })
      })

      test('in the middle of an answer in one piece has a real status', async () => {
        const model = stage.upstream.script(lines(['{"response":"One","done":false}', '{"error":"the runner died"}']))
        const answer = await readAll(send({ path: '/api/generate', body: { model, prompt: 'Hi', stream: false } }))
        expect(answer).toMatchObject({ status: 502, text: '{"error":"the runner died"}' })
      })
    })

    describe('its router', () => {
      test.each(['', '/', '/api', '/api/', '/v1', '/v1/'])('/ollama%s says that it is running', async (path) => {
        for (const method of ['GET', 'HEAD']) {
          const answer = await readAll(send({ path, method }))
          expect(answer).toMatchObject({ status: 200, text: method === 'GET' ? textOf(loadRecording('root')) : '' })
          if (method === 'GET') expect(mediaTypeOf(answer)).toBe('text/plain')
        }
      })

      each([
        ['GET', '/api/nothing'],
        ['GET', '/api/tags/'],
        ['GET', '//'],
        ['POST', '/API/chat'],
        ['POST', '//api/chat'],
        ['POST', '/chat'],
        ['POST', '/api/ui/chat'],
        ['POST', '/api/pull'],
        ['POST', '/api/copy'],
        ['DELETE', '/api/delete'],
        ['POST', `/api/blobs/sha256:${'0'.repeat(64)}`],
      ])('%s /ollama%s is not found', async (method, path) => {
        const recording = loadRecording('error-unknown-path')
        const asked = await countRequests(stage, async () => {
          const answer = await readAll(send({ method, path, ...(method !== 'GET' && { body: { model: 'm' } }) }))
          expect(answer).toMatchObject({ status: 404, text: textOf(recording) })
          expect(mediaTypeOf(answer)).toBe(mediaTypeOf(recording))
        })
        expect(asked).toBe(0)
      })

      each([
        ['/api/generate', 'GET', 'POST'],
        ['/api/chat', 'PUT', 'POST'],
        ['/api/show', 'GET', 'POST'],
        ['/api/tags', 'POST', 'GET, HEAD'],
        ['/', 'POST', 'GET, HEAD'],
        ['', 'POST', 'GET, HEAD'],
      ])('%s with %s is 405 with Allow', async (path, method, allow) => {
        const recording = loadRecording('error-method')
        const answer = await readAll(send({ method, path }))
        expect(answer).toMatchObject({ status: 405, headers: { allow }, text: textOf(recording) })
        expect(mediaTypeOf(answer)).toBe(mediaTypeOf(recording))
      })

      test.each(['/api/tags', '/api/ps', '/api/version'])('HEAD /ollama%s is GET without its body', async (path) => {
        const answer = await readAll(send({ method: 'HEAD', path }))
        expect(answer).toMatchObject({ status: 200, text: '' })
      })
    })

    describe('the other APIs of its base URL', () => {
      const messages = [{ role: 'user', content: 'Hi' }]

      each<[string, object]>([
        ['/v1/chat/completions', { messages }],
        ['/v1/completions', { prompt: 'Hi' }],
        ['/v1/responses', { input: 'Hi' }],
        ['/v1/messages', { messages, max_tokens: 5 }],
        ['/v1/embeddings', { input: 'Hi' }],
        ['/v1/systemone', { state: 'Hi', questions: {} }],
      ])('POST /ollama%s is POST %s', async (path, body) => {
        const model = stage.upstream.script(
          path === '/v1/embeddings' ? json({ embeddings: [[0.5]] }) : path === '/v1/systemone' ? json({ answers: {} }) : short,
        )
        const headers = { 'x-request-id': 'one' }
        const asked = { path, body: { model, ...body }, headers }
        const [below, at] = [await readAll(send(asked)), await readAll(read(stage.server, asked))]
        expect(below).toMatchObject({ status: 200, text: at.text })
        expect(mediaTypeOf(below)).toBe(mediaTypeOf(at))
      })

      test.each(['/v1/models', '/v1/models/gemma3:270m'])('GET /ollama%s is GET %s', async (path) => {
        const { status, text } = await readAll(send({ path }))
        expect({ status, text }).toEqual({ status: 200, text: (await readAll(read(stage.server, { path }))).text })
      })

      test.each([
        ['/v1/chat/completions', { error: { type: 'invalid_request_error', code: 'invalid_json' } }],
        ['/v1/nothing', { error: { type: 'not_found_error', code: 'not_found' } }],
        ['/v1/messages', { type: 'error', error: { type: 'invalid_request_error' } }],
        ['/v1/messages/nothing', { type: 'error', error: { type: 'not_found_error' } }],
        ['/v1/systemone', { error: expect.any(String) as string, code: 'invalid_json' }],
      ])('an error at /ollama%s has the envelope of that API', async (path, envelope) => {
        const { text, headers } = await readAll(send({ path, method: 'POST', body: '{' }))
        expect(JSON.parse(text)).toMatchObject(envelope)
        if (path.startsWith('/v1/messages')) expect(headers).toHaveProperty('request-id')
      })
    })

    test('a reader that disconnects stops the upstream', async () => {
      const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
      const reader = chat(model)
      await reader.until((text) => text.includes('\n'))
      reader.leave()
      await (
        await stage.upstream.next(model)
      ).exchange.closedByReader
    })

    if (runtime !== 'worker') {
      test('a reader that disconnects before the first line stops the upstream', async () => {
        const model = stage.upstream.script(silent())
        const reader = chat(model)
        const { exchange } = await stage.upstream.next(model)
        reader.leave()
        await exchange.closedByReader
      })
    }
  })
}
