import { describe, expect, test } from 'vitest'
import { loadRecording, recordingNames, toBytes, type Recording } from '#fake-ollama/recording.ts'
import { lines, replay, silent, tokens } from '#fake-ollama/scripts.ts'
import { deaths, twoTokensThen } from '../deaths.ts'
import { read, readAll, type Answer, type ReaderRequest } from '../reader.ts'
import type { RuntimeName } from '../server.ts'
import { countRequests, useStage } from '../stage.ts'

/** What we refuse before Ollama hears of it, in words of our own, and with which status: 400 also where Ollama says 500 to a wrong request. */
const refused: Readonly<Record<string, number>> = {
  'error-bad-json': 400,
  'error-empty-body': 400,
  'error-body-type': 400,
  'error-invalid-name': 400,
  'error-option-type': 400,
  'error-bad-format': 400,
}
/** What Ollama refuses and we answer: with the default model. */
const answered = ['error-no-model', 'error-chat-no-model']
/** Its own router's answers. */
const routed = ['root', 'head-root', 'error-method', 'error-unknown-path']
/** What a foreign Origin or Host gets from it: no request of ours has either. */
const foreign = ['error-origin', 'error-host']
/** While management is on (management.ts). */
const managed = ['create-stream', 'error-pull', 'copy', 'delete']
/** Not of its own API. */
const isOther = (name: string) => /^(v1-|runner-dies-v1)/.test(name)

const apart = new Set([...Object.keys(refused), ...answered, ...routed, ...foreign, ...managed])
/** All the others: the reader gets the same bytes. */
const verbatim = recordingNames().filter((name) => !apart.has(name) && !isOther(name))

const textOf = (recording: Recording) => Buffer.from(toBytes(recording)).toString()
/** The lines, each of which has its LF. */
const toSaid = (text: string) => text.replace(/\n$/, '').split('\n')
const mediaTypeOf = ({ headers }: Pick<Answer, 'headers'> | Recording) => String(headers['content-type']).split(';')[0]

/** Protocol §5. */
export function describeOllama(runtime: RuntimeName) {
  describe('ollama', () => {
    const stage = useStage(runtime)
    const send = (request: ReaderRequest) => read(stage.server, { ...request, path: `/ollama${request.path}` })
    const chat = (model: string, body: object = {}) =>
      send({ path: '/api/chat', body: { model, messages: [{ role: 'user', content: 'Hi' }], ...body } })

    /** Asks as it was asked when this was recorded; `model`: of another model. */
    function repeat({ request }: Recording, model?: string) {
      const { method, path, body } = request
      const asked = typeof body === 'object' && body !== null && model ? { ...body, model } : body
      return send({ method, path, ...(asked !== null && { body: asked as object | string }) })
    }

    describe('byte for byte', () => {
      test.each(verbatim)('%s', async (name) => {
        const recording = loadRecording(name)
        const { body, method, path } = recording.request
        const model = stage.upstream.script(replay(name))
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

      test('an answer in one piece, of the lines that a stream has', async () => {
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

      test('POST /api/embeddings, in both places', async () => {
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
        'a stream is lines, with Accept: %s',
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

    describe('in words of our own', () => {
      test.each(Object.entries(refused))('%s is refused with %i, and Ollama hears nothing', async (name, status) => {
        const asked = await countRequests(stage, async () => {
          const answer = await readAll(repeat(loadRecording(name)))
          expect(answer.status).toBe(status)
          expect(mediaTypeOf(answer)).toBe('application/json')
          expect(JSON.parse(answer.text)).toEqual({ error: expect.stringMatching(/\w/) as string })
        })
        expect(asked).toBe(0)
      })

      test.each(answered)('%s has the default model', async (name) => {
        const { status, text } = await readAll(repeat(loadRecording(name)))
        expect(status).toBe(200)
        expect(text).toMatch(/"done":true[^\n]*\n$/)
        expect(stage.upstream.requests.at(-1)!.json).toMatchObject({ model: 'gemma3:270m' })
      })

      test('what Ollama refuses without a word gets one', async () => {
        const { status, text } = await readAll(chat(stage.upstream.script(replay('error-origin'))))
        expect(status).toBe(403)
        expect(JSON.parse(text)).toEqual({ error: expect.stringContaining('OLLAMA_ORIGINS') as string })
      })

      test.each<[string, string | object | Uint8Array, Record<string, string>, number]>([
        ['an array', '[]', {}, 400],
        ['two values', '{}{}', {}, 400],
        ['broken UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), {}, 400],
        ['five million brackets', '['.repeat(5_000_000), {}, 400],
        ['an infinite integer', '{"model":"m","options":{"seed":1e400}}', {}, 400],
        ['a text as stream', { model: 'm', stream: 'true' }, {}, 400],
        ['a model that is a path', { model: '../../etc/passwd' }, {}, 400],
        ['a model that is a URL', { model: 'http://evil/x' }, {}, 400],
        ['a model with CRLF', { model: 'a\r\nx: y' }, {}, 400],
        ['an unknown role', { model: 'm', messages: [{ role: 'root', content: 'Hi' }] }, {}, 400],
        ['an image that is a path', { model: 'm', messages: [{ role: 'user', images: ['/etc/passwd'] }] }, {}, 400],
        ['a body in an unknown coding', {}, { 'content-encoding': 'compress' }, 415],
      ])('%s is refused, and not repeated', async (_name, body, headers, status) => {
        const asked = await countRequests(stage, async () => {
          const answer = await readAll(send({ path: '/api/chat', body, headers }))
          expect(answer.status).toBe(status)
          expect(Object.keys(JSON.parse(answer.text) as object)).toEqual(['error'])
          expect(answer.text).not.toMatch(/passwd|evil|root/)
        })
        expect(asked).toBe(0)
      })

      test.each([
        ['show', {}],
        ['show', { model: '../x' }],
        ['embed', { model: 'm', input: 5 }],
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

    describe('a failure', () => {
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

      test.each([
        ['as Ollama writes it', '{"error":"a \\u003cb\\u003e \\u0026 more"}', '{"error":"a \\u003cb\\u003e \\u0026 more"}'],
        ['without an address', '{"error":"dial tcp 10.1.2.3:4000: refused"}', '{"error":"dial tcp [address]: refused"}'],
        ['without a stack', '{"error":"panic\\ngoroutine 1"}', '{"error":"panic"}'],
        ['without what else it says', '{"error":"no","signin_url":"https://ollama.com/x"}', '{"error":"no"}'],
      ])('in the middle is told %s', async (_name, said, told) => {
        const delta = '{"model":"m","response":"One","done":false}'
        const model = stage.upstream.script(lines([delta, said, '{"response":"","done":true}']))
        const { text } = await readAll(send({ path: '/api/generate', body: { model, prompt: 'Hi' } }))
        expect(text).toBe(`${delta}\n${told}\n`)
      })

      test('of a busy Ollama has its status, its words and Retry-After', async () => {
        const { status, headers, text } = await readAll(chat(stage.upstream.script(replay('error-busy'))))
        expect(status).toBe(503)
        expect(headers).toMatchObject({ 'retry-after': '1' })
        expect(text).toBe(textOf(loadRecording('error-busy')))
      })

      test.each([true, false])('before the first line has a status, stream: %s', async (stream) => {
        const answer = await readAll(
          chat(
            stage.upstream.script(({ reset }) => reset()),
            { stream },
          ),
        )
        expect(answer.status).toBe(502)
        expect(JSON.parse(answer.text)).toEqual({ error: expect.stringContaining('Ollama') as string })
      })

      test('in the middle of an answer in one piece has a status', async () => {
        const model = stage.upstream.script(lines(['{"response":"One","done":false}', '{"error":"the runner died"}']))
        const answer = await readAll(send({ path: '/api/generate', body: { model, prompt: 'Hi', stream: false } }))
        expect(answer).toMatchObject({ status: 502, text: '{"error":"the runner died"}' })
      })
    })

    describe('its router', () => {
      test.each(['GET', 'HEAD'])('%s /ollama/ says that it is running', async (method) => {
        const answer = await readAll(send({ path: '/', method }))
        expect(answer).toMatchObject({ status: 200, text: method === 'GET' ? textOf(loadRecording('root')) : '' })
        if (method === 'GET') expect(mediaTypeOf(answer)).toBe('text/plain')
      })

      test.each([
        ['GET', '/api/nothing'],
        ['GET', ''],
        ['GET', '/api'],
        ['GET', '/api/tags/'],
        ['POST', '/API/chat'],
        ['POST', '//api/chat'],
        ['POST', '/chat'],
        ['POST', '/v1/chat/completions'],
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

      test.each([
        ['/api/generate', 'GET', 'POST'],
        ['/api/chat', 'PUT', 'POST'],
        ['/api/show', 'GET', 'POST'],
        ['/api/tags', 'POST', 'GET, HEAD'],
        ['/', 'POST', 'GET, HEAD'],
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

    test('a reader that leaves stops the upstream', async () => {
      const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
      const reader = chat(model)
      await reader.until((text) => text.includes('\n'))
      reader.leave()
      await (
        await stage.upstream.next(model)
      ).exchange.closedByReader
    })

    if (runtime !== 'worker') {
      test('a reader that leaves before the first line stops the upstream', async () => {
        const model = stage.upstream.script(silent())
        const reader = chat(model)
        const { exchange } = await stage.upstream.next(model)
        reader.leave()
        await exchange.closedByReader
      })
    }
  })
}
