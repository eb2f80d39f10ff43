import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import { lines, ndjson, pause, replay, silent } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { read, readAll, readRaw, toChunked, toPost, toSseEvents, type ReaderRequest } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const textOf = (name: string) => Buffer.from(toBytes(loadRecording(name))).toString()
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '')
const toDigest = (bytes: string | Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const progress = [
  '{"status":"pulling manifest"}',
  `{"status":"pulling 1","digest":"sha256:${'1'.repeat(64)}","total":100,"completed":50}`,
  '{"status":"verifying sha256 digest"}',
  '{"status":"success"}',
]
const said = progress.map((line) => `${line}\n`).join('')

/** The fields that Ollama requires for each route. */
const requests = {
  pull: { model: 'gemma3' },
  push: { model: 'me/mine' },
  create: { model: 'mine', from: 'gemma3', system: 'x' },
}
const streams = Object.entries(requests).map(([about, body]) => ({ path: `/api/${about}`, body }))

const whole: Script = (exchange) => {
  exchange.head(200, { 'content-length': '0' })
  exchange.end()
}

function answer(status: number, text: string): Script {
  return (exchange) => {
    exchange.head(status, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) })
    exchange.chunk(text)
    exchange.end()
  }
}

/**
 * Routes that change the installed models (docs/protocol.md#1-routes and
 * docs/protocol.md#5-ollama-drop-in).
 */
export function describeManagement(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('management', () => {
    describe('by default', () => {
      const stage = useStage(runtime)

      each([
        ...streams.map(({ path }) => ['POST', path] as const),
        ['POST', '/api/copy'],
        ['DELETE', '/api/delete'],
        ['HEAD', `/api/blobs/${toDigest('x')}`],
        ['POST', `/api/blobs/${toDigest('x')}`],
      ] as const)('%s %s is 404, also under /ollama', async (method, path) => {
        const asked = await countRequests(stage, async () => {
          const request = { method, ...(method !== 'HEAD' && { body: { model: 'm' } }) }
          const native = await readAll(read(stage.server, { ...request, path }))
          expect(native.status).toBe(404)
          if (method !== 'HEAD') expect(JSON.parse(native.text)).toMatchObject({ code: 'not_found' })
          const dropIn = await readAll(read(stage.server, { ...request, path: `/ollama${path}` }))
          expect(dropIn).toMatchObject({ status: 404, text: method === 'HEAD' ? '' : '404 page not found' })
        })
        expect(asked).toBe(0)
      })
    })

    describe('where it is on', () => {
      const stage = useStage(runtime, { SLUICE_MANAGEMENT: '1', SLUICE_LOG: 'json' })
      const send = (request: ReaderRequest) => read(stage.server, request)
      let undo: (() => void)[] = []
      const on = (route: string, script: Script) => undo.push(stage.upstream.on(route, script))
      afterEach(() => {
        for (const step of undo) step()
        undo = []
      })

      // These routes use the account, the network or the hardware of the machine on which Ollama
      // runs.
      each([
        ['POST', '/api/me'],
        ['POST', '/api/signout'],
        ['DELETE', '/api/user/keys/c2VjcmV0'],
        ['GET', '/api/status'],
        ['POST', '/api/experimental/web_search'],
        ['POST', '/api/experimental/web_fetch'],
        ['GET', '/api/experimental/model-recommendations'],
        ['GET', '/api/experimental/aliases'],
        ['POST', '/api/experimental/aliases'],
        ['DELETE', '/api/experimental/aliases'],
        ['POST', '/api/web_search'],
        ['POST', '/api/web_fetch'],
        ['POST', '/v1/audio/transcriptions'],
        ['POST', '/v1/images/generations'],
        ['POST', '/v1/images/edits'],
      ])('%s %s is 404, although Ollama has this route', async (method, path) => {
        const asked = await countRequests(stage, async () => {
          for (const prefix of ['', '/ollama']) {
            const request = { method, path: prefix + path, ...(method !== 'GET' && { body: { model: 'gemma3:270m' } }) }
            expect(await readAll(send(request)), prefix).toMatchObject({ status: 404 })
          }
        })
        expect(asked).toBe(0)
      })

      describe.each(streams)('$path', ({ path, body }) => {
        const route = `POST ${path}`

        test('streams its progress as SSE, and ends with success', async () => {
          on(route, lines(progress))
          const { status, headers, text } = await readAll(send({ path, body }))
          expect(status).toBe(200)
          expect(headers).toMatchObject({ 'content-type': 'text/event-stream' })
          expect(toSseEvents(text)).toEqual(progress.map((data) => ({ event: undefined, data })))
          expect(stage.upstream.requests.at(-1)).toMatchObject({ target: path, json: { ...body, stream: true } })
        })

        test.each([
          ['/api, if Accept says so', path, 'application/x-ndjson'],
          ['/ollama, whatever Accept says', `/ollama${path}`, 'text/event-stream'],
        ])('streams its progress as NDJSON under %s', async (_name, path, accept) => {
          on(route, lines(progress))
          const answer = await readAll(send({ path, body, headers: { accept } }))
          expect(answer).toMatchObject({ status: 200, text: said, headers: { 'content-type': 'application/x-ndjson' } })
        })

        test.each(['', '/ollama'])('with stream:false answers only the last object, under "%s"', async (prefix) => {
          on(route, lines(progress))
          const answer = await readAll(send({ path: prefix + path, body: { ...body, stream: false } }))
          expect(answer).toMatchObject({
            status: 200,
            text: '{"status":"success"}',
            headers: { 'content-type': 'application/json' },
          })
        })

        test('fails if Ollama’s stream ends without success', async () => {
          on(route, lines(progress.slice(0, 2)))
          const { text } = await readAll(send({ path, body }))
          const events = toSseEvents(text)
          expect(events).toHaveLength(3)
          expect(events[2]!.event).toBe('failed')
          expect(JSON.parse(events[2]!.data)).toMatchObject({ code: 'upstream_truncated' })

          const dropIn = linesOf((await readAll(send({ path: `/ollama${path}`, body }))).text)
          expect(dropIn).toHaveLength(3)
          expect(JSON.parse(dropIn[2]!)).toEqual({ error: expect.stringContaining('without finishing') as string })

          const { status } = await readAll(send({ path, body: { ...body, stream: false } }))
          expect(status).toBe(502)
        })

        test('passes on Ollama’s error in the middle of the stream', async () => {
          on(route, lines([progress[0]!, '{"error":"no space left on device"}', '{"status":"success"}']))
          const { text } = await readAll(send({ path: `/ollama${path}`, body }))
          expect(text).toBe(`${progress[0]}\n{"error":"no space left on device"}\n`)
          expect(await readAll(send({ path, body: { ...body, stream: false } }))).toMatchObject({ status: 502 })
        })

        test('has the status of Ollama’s refusal', async () => {
          on(route, answer(400, '{"error":"invalid model name"}'))
          expect(await readAll(send({ path: `/ollama${path}`, body }))).toMatchObject({
            status: 400,
            text: '{"error":"invalid model name"}',
          })
        })

        test('stops at Ollama when the reader disconnects', async () => {
          on(route, async (exchange) => {
            exchange.head(200, ndjson)
            while (exchange.isOpen) {
              exchange.chunk(`${progress[1]}\n`)
              await pause(exchange, 20)
            }
          })
          const reader = send({ path, body })
          await reader.until((text) => text.includes('pulling'))
          reader.leave()
          await stage.upstream.requests.at(-1)!.exchange.closedByReader
        })

        test('can be cancelled', async () => {
          on(route, silent())
          const requestId = `managed-${path.slice(5)}`
          await expect.poll(() => stage.upstream.open).toBe(0) // that of the test before may still close
          const reader = send({ path: `/ollama${path}`, body, headers: { 'x-request-id': requestId } })
          await expect.poll(() => stage.upstream.open).toBe(1)
          expect(await readAll(send({ path: `/ollama/cancel/${requestId}` }))).toMatchObject({ status: 204 })
          expect(await readAll(reader)).toMatchObject({ status: 499 })
        })

        test.each<[string, object]>([
          ['no model', {}],
          ['a number', { model: 5 }],
          ['a path', { model: '../../etc' }],
          ['a URL', { model: 'https://evil/x' }],
          ['a path by its old name', { name: '/etc/passwd' }],
          ['a text as stream', { model: 'm', stream: 'false' }],
        ])('with %s is refused before Ollama hears of it', async (_name, body) => {
          const asked = await countRequests(stage, async () => {
            for (const prefix of ['', '/ollama'])
              expect(await readAll(send({ path: prefix + path, body }))).toMatchObject({ status: 400 })
          })
          expect(asked).toBe(0)
        })

        test('accepts the old field `name` for the model', async () => {
          on(route, lines(progress))
          const { model, ...rest } = body
          // Ollama's Go client sends both fields, one of them empty.
          for (const names of [{ name: model }, { model: '', name: model }, { model, name: '' }]) {
            const sent = { ...rest, ...names, insecure: true }
            expect(await readAll(send({ path, body: sent }))).toMatchObject({ status: 200 })
            expect(stage.upstream.requests.at(-1)!.json).toEqual({ ...sent, model, stream: true })
          }
        })
      })

      test('a recorded create has the same bytes', async () => {
        on('POST /api/create', replay('create-stream'))
        const { body } = loadRecording('create-stream').request
        const { status, text } = await readAll(send({ path: '/ollama/api/create', body: body as object }))
        expect({ status, text }).toEqual({ status: 200, text: textOf('create-stream') })
      })

      test('a recorded pull that fails has the same lines, without the address', async () => {
        on('POST /api/pull', replay('error-pull'))
        const { status, text } = await readAll(send({ path: '/ollama/api/pull', body: { model: 'nope-nope' } }))
        expect(status).toBe(200)
        const [first, error, ...more] = linesOf(text)
        expect([first, ...more]).toEqual(linesOf(textOf('error-pull')).slice(0, 1))
        expect(JSON.parse(error!)).toEqual({
          error: 'pull model manifest: Get "[address]": dial tcp: lookup registry.ollama.ai on [address]: no such host',
        })
      })

      describe.each(['', '/ollama'])('under "%s"', (prefix) => {
        test.each([
          ['POST', '/api/copy', { source: 'a', destination: 'b:c' }],
          ['DELETE', '/api/delete', { model: 'b:c' }],
          ['DELETE', '/api/delete', { name: 'b:c' }],
          ['DELETE', '/api/delete', { model: 'b:c', name: '' }],
          ['DELETE', '/api/delete', { model: '', name: 'b:c' }],
        ])('%s %s %j succeeds with an empty body', async (method, path, body) => {
          on(`${method} ${path}`, whole)
          const { status, headers, text } = await readAll(send({ method, path: prefix + path, body }))
          expect({ status, text }).toEqual({ status: 200, text: '' })
          expect(headers).not.toHaveProperty('content-type')
          expect(stage.upstream.requests.at(-1)).toMatchObject({ method, target: path, json: body })
        })

        test.each([
          ['POST', '/api/copy', { source: 'a', destination: 'b' }],
          ['DELETE', '/api/delete', { model: 'a' }],
        ])('%s %s of a missing model is 404 with Ollama’s error', async (method, path, body) => {
          on(`${method} ${path}`, answer(404, `{"error":"model 'a' not found"}`))
          const { status, text } = await readAll(send({ method, path: prefix + path, body }))
          expect(status).toBe(404)
          expect(JSON.parse(text)).toMatchObject({ error: "model 'a' not found" })
        })

        test.each([
          ['POST', '/api/copy', {}],
          ['POST', '/api/copy', { source: 'a' }],
          ['POST', '/api/copy', { source: '../a', destination: 'b' }],
          ['POST', '/api/copy', { source: 'a', destination: 'http://b' }],
          ['DELETE', '/api/delete', {}],
          ['DELETE', '/api/delete', { model: ['a'] }],
          ['DELETE', '/api/delete', { model: '/etc/passwd' }],
        ])('%s %s %j is refused before Ollama hears of it', async (method, path, body) => {
          const asked = await countRequests(stage, async () => {
            expect(await readAll(send({ method, path: prefix + path, body }))).toMatchObject({ status: 400 })
          })
          expect(asked).toBe(0)
        })

        const digest = toDigest('hello')
        const path = `${prefix}/api/blobs/${digest}`

        test('HEAD of a blob is 200 if Ollama has it, else 404', async () => {
          on(`HEAD /api/blobs/${digest}`, whole)
          expect(await readAll(send({ method: 'HEAD', path }))).toMatchObject({ status: 200, text: '' })
          on(`HEAD /api/blobs/${digest}`, (exchange) => {
            exchange.head(404, { 'content-length': '0' })
            exchange.end()
          })
          expect(await readAll(send({ method: 'HEAD', path }))).toMatchObject({ status: 404, text: '' })
        })

        test.each([
          ['with its length', toPost(path, 'hello')],
          ['in chunks', toPost(path, toChunked('hello', 2), ['Transfer-Encoding: chunked'])],
          ['as curl asks first', toPost(path, 'hello', ['Content-Length: 5', 'Expect: 100-continue'])],
        ])('POST uploads a blob, %s', async (_name, bytes) => {
          on(`POST /api/blobs/${digest}`, (exchange) => {
            exchange.head(201, { 'content-length': '0' })
            exchange.end()
          })
          const { socket, ...reader } = toRaw(bytes)
          await expect.poll(() => reader.status()).toBe('201')
          expect(stage.upstream.requests.at(-1)).toMatchObject({
            method: 'POST',
            body: 'hello',
            headers: { 'content-type': 'application/octet-stream', 'user-agent': 'sluice' },
          })
          socket.destroy()
        })

        test('a blob may be empty', async () => {
          const empty = toDigest('')
          on(`POST /api/blobs/${empty}`, (exchange) => {
            exchange.head(201, { 'content-length': '0' })
            exchange.end()
          })
          const answer = await readAll(send({ method: 'POST', path: `${prefix}/api/blobs/${empty}`, body: '' }))
          expect(answer).toMatchObject({ status: 201, text: '' })
          expect(stage.upstream.requests.at(-1)).toMatchObject({ body: '' })
        })

        test('a digest that does not match is 400 with Ollama’s error', async () => {
          const error = `digest mismatch, expected "${digest}", got "sha256:0"`
          on(`POST /api/blobs/${digest}`, answer(400, JSON.stringify({ error })))
          const { status, text } = await readAll(send({ method: 'POST', path, body: 'other' }))
          expect(status).toBe(400)
          expect(JSON.parse(text)).toMatchObject({ error })
        })

        test.each([
          'x',
          'sha256:',
          `sha256:${'0'.repeat(63)}`,
          `sha256:${'0'.repeat(65)}`,
          `sha256:${'g'.repeat(64)}`,
          `sha256:${'A'.repeat(64)}`,
          `sha512:${'0'.repeat(64)}`,
          `sha256-${'0'.repeat(64)}`,
          `sha256:${'0'.repeat(64)}/x`,
          `sha256:${'0'.repeat(64)}%2f..%2f..%2fpull`,
          `sha256:${'0'.repeat(64)}%0a`,
          `..%2f..%2fapi%2fpull`,
        ])('a blob with the invalid digest %s is 404', async (name) => {
          const asked = await countRequests(stage, async () => {
            for (const method of ['HEAD', 'POST']) {
              const path = `${prefix}/api/blobs/${name}`
              const answer = await readAll(send({ method, path, ...(method === 'POST' && { body: 'x' }) }))
              expect(answer, method).toMatchObject({ status: 404 })
            }
          })
          expect(asked).toBe(0)
        })

        test.each(['GET', 'PUT', 'DELETE'])('a blob by %s is 405 with Allow', async (method) => {
          const asked = await countRequests(stage, async () => {
            expect(await readAll(send({ method, path }))).toMatchObject({ status: 405, headers: { allow: 'HEAD, POST' } })
          })
          expect(asked).toBe(0)
        })
      })

      test.each([
        ['POST', '/ollama/api/delete', 'DELETE'],
        ['GET', '/ollama/api/pull', 'POST'],
        ['DELETE', '/ollama/api/copy', 'POST'],
      ])('%s %s is 405 with Allow', async (method, path, allow) => {
        expect(await readAll(send({ method, path }))).toMatchObject({ status: 405, headers: { allow } })
      })

      /** Sends raw bytes. `status` returns the final status of the response, not `100 Continue`. */
      function toRaw(bytes: Buffer) {
        const reader = readRaw(stage.server, bytes)
        return { socket: reader.socket, status: () => /HTTP\/1\.1 ([2-5]\d\d)/.exec(reader.text)?.[1] }
      }
    })

    describe('deadlines of its streams', () => {
      const limits = { SLUICE_FIRST_TOKEN_TIMEOUT_MS: '200', SLUICE_TOTAL_TIMEOUT_MS: '400', SLUICE_IDLE_TIMEOUT_MS: '700' }
      const stage = useStage(runtime, { SLUICE_MANAGEMENT: '1', ...limits })
      const pull = () => read(stage.server, { path: '/ollama/api/pull', body: { model: 'gemma3' } })
      /** Sends these lines, and waits `ms` before each. */
      const paced =
        (texts: readonly string[], ms: number): Script =>
        async (exchange) => {
          await pause(exchange, ms)
          exchange.head(200, ndjson)
          for (const text of texts) {
            exchange.chunk(`${text}\n`)
            await pause(exchange, ms)
          }
        }

      test('a stream with progress may take any time, also until its first line', async () => {
        const undo = stage.upstream.on('POST /api/pull', paced(progress, 350))
        const { text, ended } = await readAll(pull())
        undo()
        expect({ text, ended }).toEqual({ text: said, ended: 'clean' })
      })

      test('a stream that becomes silent fails', async () => {
        const undo = stage.upstream.on('POST /api/pull', paced(progress.slice(0, 1), 10))
        const [first, last] = linesOf((await readAll(pull())).text)
        undo()
        expect(first).toBe(progress[0])
        expect(JSON.parse(last!)).toEqual({ error: 'Ollama fell silent for 0.7 s' })
      })

      test('a stream that never begins fails', async () => {
        const undo = stage.upstream.on('POST /api/pull', silent())
        expect(await readAll(pull())).toMatchObject({ status: 504 })
        undo()
      })
    })
  })
}
