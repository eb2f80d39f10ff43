import { describe, expect, test } from 'vitest'
import { gzipSync } from 'node:zlib'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { read, readAll, readFailure, readRaw, toChunked, toPost } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const posts = ['/api/generate', '/api/chat', '/api/embed', '/api/embeddings', '/api/show', '/chat']

const model = 'smollm2:135m'
/** A body that is a valid request at every path. */
const good = JSON.stringify({ model, prompt: 'ü', text: 'ü', input: 'ü' })

const latin1 = Buffer.from(good, 'latin1')
const deep = (depth: number) => `{"model":"${model}","future":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`

/** Bodies that are refused because they are not valid JSON. */
const syntaxErrors: readonly (readonly [name: string, body: string | Uint8Array])[] = [
  ['nothing', ''],
  ['only white space', ' \r\n\t '],
  ['only a BOM', '\ufeff'],
  ['an open brace', '{'],
  ['half an object', '{"model":"a"'],
  ['half a string', '{"model":"a'],
  ['a comma too many', '{"model":"a",}'],
  ['a comma too many in an array', '{"images":[1,]}'],
  ['a line comment', '{"model":"a"} // that is it'],
  ['a block comment', '{/* here */"model":"a"}'],
  ['single quotes', "{'model':'a'}"],
  ['a name without quotes', '{model:"a"}'],
  ['NaN', '{"options":{"temperature":NaN}}'],
  ['Infinity', '{"options":{"temperature":Infinity}}'],
  ['-Infinity', '{"options":{"temperature":-Infinity}}'],
  ['undefined', '{"prompt":undefined}'],
  ['a hexadecimal number', '{"options":{"seed":0x10}}'],
  ['a number with a leading zero', '{"options":{"seed":012}}'],
  ['a number with a plus', '{"options":{"seed":+1}}'],
  ['a raw line feed in a string', '{"prompt":"a\nb"}'],
  ['a raw NUL', '{"prompt":"a\0b"}'],
  ['a wrong escape', '{"prompt":"\\x41"}'],
  ['invalid UTF-8', Buffer.from('{"prompt":"\xff\xfe"}', 'latin1')],
  [
    'half a character of UTF-8',
    Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from('ü').subarray(0, 1), Buffer.from('"}')]),
  ],
  ['an overlong form of UTF-8', Buffer.from('{"prompt":"\xc0\xaf"}', 'latin1')],
  ['a surrogate in UTF-8', Buffer.from('{"prompt":"\xed\xa0\x80"}', 'latin1')],
  ['Latin-1', latin1],
  ['UTF-16', Buffer.from(good, 'utf16le')],
  ['UTF-16 with its BOM', Buffer.from(`\ufeff${good}`, 'utf16le')],
  ['gzip without saying so', gzipSync(good)],
  ['two objects', '{"model":"a"}{"model":"b"}'],
  ['two lines of NDJSON', '{"model":"a"}\n{"model":"b"}\n'],
  ['form data', 'model=a&prompt=b'],
  ['HTML', '<html></html>'],
  ['null', 'null'],
  ['an array', '[{"model":"a"}]'],
  ['a string', '"a"'],
  ['a number', '5'],
  ['true', 'true'],
  ['33 levels', deep(33)],
  ['33 levels of objects', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
  ['five million open brackets', '['.repeat(5_000_000)],
  ['five million open brackets inside', `{"a":${'['.repeat(5_000_000)}`],
]

const syntaxPasses: readonly (readonly [name: string, body: string])[] = [
  ['a BOM', `\ufeff${good}`],
  ['white space around', `\r\n\t ${good} \n`],
  ['32 levels', deep(32)],
  ['brackets in a string', JSON.stringify({ model, prompt: '[{'.repeat(1000) })],
  ['brackets behind escaped quotes', `{"model":"${model}","prompt":"\\\\\\"[[[[${'['.repeat(100)}"}`],
  ['escapes', `{"\\u006dodel":"${model}","prompt":"\\ud83d\\ude00\\/\\b"}`],
]

/** Values of `model` that are not a valid model name. */
const badModels: readonly (readonly [name: string, model: unknown])[] = [
  ['a number', 5],
  ['a boolean', true],
  ['an array', ['gemma3']],
  ['an object', { name: 'gemma3' }],
  ['a space', ' '],
  ['10 KB', 'a'.repeat(10_240)],
  ['257 characters', 'a'.repeat(257)],
  ['a path upwards', '../gemma3'],
  ['a path upwards inside', 'a/../../b'],
  ['two dots inside a part', 'a..b'],
  ['two dots in the tag', 'a:b..c'],
  ['an absolute path', '/etc/passwd'],
  ['a path of the home folder', '~/gemma3'],
  ['a Windows path', 'C:\\models\\x'],
  ['too many parts', 'a/b/c/d'],
  ['an empty part', 'a//b'],
  ['a trailing slash', 'a/'],
  ['a URL', 'http://evil/x'],
  ['a URL of a file', 'file:///etc/passwd'],
  ['a host without a scheme, with a query', 'evil/x?y=z'],
  ['a fragment', 'a#b'],
  ['a percent escape', 'a%2fb'],
  ['user information', 'user@evil/x'],
  ['two tags', 'a:b:c'],
  ['an empty tag', 'a:'],
  ['a leading dot', '.a'],
  ['a leading dash', '-a'],
  ['a digest', `a@sha256:${'0'.repeat(64)}`],
  ['CR', 'a\rb'],
  ['LF at the end', 'gemma3\n'],
  ['CRLF and a header', 'a\r\nX-Evil: 1'],
  ['NUL', 'a\0'],
  ['a bidi control', 'gemma\u202e3'],
  ['a zero-width space', 'gemma\u200b3'],
  ['a letter that only looks like one', 'gеmma3'],
  ['an emoji', '🦙'],
  ['a space inside', 'gemma 3'],
]

const goodModels = [
  'gemma3',
  'gemma3:270m',
  '_a',
  '0',
  'a.b-c_d:e.f-g_h',
  'library/gemma3:latest',
  'hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M',
  'localhost:5000/namespace/name:tag',
  'a'.repeat(256),
]

/** Requests with a wrong number: the body as JSON text, and the field that the error names. */
const badNumbers: readonly (readonly [json: string, path: string])[] = [['{"stream":1}', 'stream']]

const goodNumbers = [
  '{"options":{"num_predict":-1,"seed":-5,"temperature":-0.5},"keep_alive":-1}',
  '{"options":{"seed":-0,"temperature":-0.0}}',
  '{"options":{"seed":9007199254740991,"num_ctx":-9007199254740991}}',
  '{"options":{"seed":5.0,"num_predict":1e2,"temperature":1E-7}}',
  '{"options":{"temperature":0.1,"top_p":1,"stop":["a"],"use_mmap":null},"top_logprobs":0,"keep_alive":1.5}',
  '{"future":[0.30000000000000004,5e-324,-1e15]}',
  '{"options":{"temperature":1e400}}',
  '{"options":{"temperature":-1e400}}',
  '{"options":{"seed":9007199254740992}}',
  '{"options":{"seed":9007199254740993}}',
  '{"options":{"seed":-9007199254740993}}',
  '{"options":{"num_ctx":18446744073709551616}}',
  '{"keep_alive":1e309}',
  '{"future":{"deep":[0,[1e999]]}}',
  '{"future":1e16}',
  // These fields have wrong types. Sluice does not check them, because Ollama itself reports them.
  '{"options":{"num_predict":1.5,"seed":true,"temperature":"0.5","num_gpu":[1],"top_p":{},"use_mmap":1}}',
  '{"context":[1,2.5,"1"],"top_logprobs":"5","keep_alive":true,"raw":0,"prompt":5,"format":[5]}',
  '{"options":[5]}',
]

/**
 * Requests with wrong types, invalid JSON, wrong models or wrong numbers, and the size limit of a
 * body.
 */
export function describeRequests(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('requests', () => {
    const stage = useStage(runtime)
    const post = (path: string, body: string | Uint8Array, headers = {}) =>
      read(stage.server, { path, body, headers, method: 'POST' })

    /** Expects that a POST is refused with this error, and that the upstream gets no request. */
    async function expectRefused(path: string, body: string | Uint8Array, refusal: object, headers = {}) {
      const asked = await countRequests(stage, async () => {
        expect(await readFailure(post(path, body, headers)), path).toMatchObject(refusal)
      })
      expect(asked).toBe(0)
    }

    /**
     * Expects that a POST succeeds, and that the upstream gets one request with exactly this body.
     */
    async function expectPassed(path: string, body: string | Uint8Array, sent: object, headers = {}) {
      const asked = await countRequests(stage, async () => {
        expect(await readAll(post(path, body, headers))).toMatchObject({ status: 200, ended: 'clean' })
      })
      expect(asked).toBe(1)
      expect(stage.upstream.requests.at(-1)).toMatchObject({ method: 'POST', target: path })
      expect(stage.upstream.requests.at(-1)!.json).toEqual(sent)
    }

    describe('type', () => {
      each([
        'application/json',
        'application/json; charset=utf-8',
        'application/json; charset=utf-16',
        'APPLICATION/JSON',
        'text/plain',
        'application/x-www-form-urlencoded',
        'text/event-stream',
        'multipart/form-data',
        'multipart/form-data; boundary=x',
        'application/octet-stream',
        'nonsense',
        '',
        undefined,
      ])('Content-Type: %s is accepted if the body is JSON', async (type) => {
        const sent = { ...(JSON.parse(good) as object), stream: true }
        await expectPassed('/api/generate', good, sent, type === undefined ? {} : { 'content-type': type })
      })

      each(['compress', 'identity, gzip', 'nonsense'])('Content-Encoding: %s is refused at every path', async (encoding) => {
        for (const path of posts)
          await expectRefused(path, good, { status: 415, code: 'unsupported_encoding' }, { 'content-encoding': encoding })
      })

      test.each(['identity', 'Identity', ''])('Content-Encoding: "%s" means no coding', async (encoding) => {
        const sent = { ...(JSON.parse(good) as object), stream: true }
        await expectPassed('/api/generate', good, sent, { 'content-encoding': encoding })
      })

      test.each(['iso-8859-1', 'utf-8', 'windows-1252'])(
        'a charset of %s does not make invalid UTF-8 valid',
        async (charset) => {
          const headers = { 'content-type': `application/json; charset=${charset}` }
          await expectRefused('/api/generate', latin1, { status: 400, code: 'invalid_json' }, headers)
        },
      )
    })

    describe('syntax', () => {
      each(syntaxErrors)('%s is invalid_json', async (_name, body) => {
        await expectRefused('/api/generate', body, { status: 400, code: 'invalid_json' })
      })

      test.each(posts)('invalid JSON is refused at %s too', async (path) => {
        for (const body of ['', '{', 'null', '[]', latin1, '['.repeat(100_000)])
          await expectRefused(path, body, { status: 400, code: 'invalid_json' })
      })

      each(syntaxPasses)('%s passes', async (_name, body) => {
        const sent = JSON.parse(body.replace(/^\ufeff/, '')) as object
        await expectPassed('/api/generate', body, { ...sent, stream: true })
      })

      test('a POST without any body is invalid_json', async () => {
        for (const path of posts) {
          const failure = await readFailure(read(stage.server, { path, method: 'POST', headers: { 'content-length': '0' } }))
          expect(failure, path).toMatchObject({ status: 400, code: 'invalid_json' })
        }
      })
    })

    describe('model', () => {
      each(badModels)('%s is not a valid name', async (_name, name) => {
        const body = JSON.stringify({ model: name, prompt: 'Hi', text: 'Hi', input: 'Hi' })
        for (const path of posts) await expectRefused(path, body, { status: 400, code: 'invalid_request' })
        expect((await readFailure(post('/api/chat', body))).issues![0]!.path).toBe('model')
      })

      test('an empty name counts as none: a generation gets the default model, other routes refuse', async () => {
        for (const path of ['/api/generate', '/api/chat']) {
          const { status } = await readAll(post(path, JSON.stringify({ model: '', prompt: 'Hi' })))
          expect(status, path).toBe(200)
          expect(stage.upstream.requests.at(-1)!.json).toMatchObject({ model: 'gemma3:270m' })
        }
        for (const path of ['/api/embed', '/api/embeddings', '/api/show'])
          await expectRefused(path, '{"model":""}', { status: 400, code: 'invalid_request' })
      })

      each(goodModels)('%s is a valid name', async (name) => {
        stage.upstream.script((exchange) => {
          exchange.head(200, { 'content-type': 'application/json' })
          exchange.chunk('{"done":true}')
          exchange.end()
        }, name)
        await expectPassed('/api/generate', JSON.stringify({ model: name }), { model: name, stream: true })
      })
    })

    describe('numbers', () => {
      test.each(badNumbers)('%s is refused at %s', async (json, path) => {
        const body = `{"model":"${model}",${json.slice(1)}`
        await expectRefused('/api/generate', body, { status: 400, code: 'invalid_request' })
        const { issues } = await readFailure(post('/api/generate', body))
        expect(issues!.map((issue) => issue.path)).toEqual([path])
      })

      each(goodNumbers)('%s passes, with its digits', async (json) => {
        const body = `{"model":"${model}",${json.slice(1)}`
        await expectPassed('/api/generate', body, { ...(JSON.parse(body) as object), stream: true })
        expect(stage.upstream.requests.at(-1)!.body).toContain(json.slice(1, -1))
      })

      test('a huge number in an unknown field passes at every path', async () => {
        for (const path of posts) {
          const body = `{"model":"${model}","text":"a","input":"a","future":1e400}`
          expect(await readAll(read(stage.server, { path, body })), path).toMatchObject({ status: 200 })
        }
      })
    })

    describe('the size limit of a body', () => {
      const limit = 2000
      const small = useStage(runtime, { SLUICE_MAX_BODY_BYTES: String(limit) })
      const bodyOf = (bytes: number) => JSON.stringify({ model, prompt: '' }).replace(/"}$/, `${'x'.repeat(bytes - 36)}"}`)
      const tooLarge = /^HTTP\/1\.1 413 [^]*"code":"body_too_large"/

      test('the bodies of these tests have the size that they claim', () => {
        for (const bytes of [limit - 1, limit, limit + 1]) expect(bodyOf(bytes)).toHaveLength(bytes)
      })

      test.each([limit - 1, limit])('%i bytes are within the limit', async (bytes) => {
        const raw = [
          readRaw(small.server, toPost('/api/generate', bodyOf(bytes))),
          readRaw(small.server, toPost('/api/generate', toChunked(bodyOf(bytes), 100), ['Transfer-Encoding: chunked'])),
        ]
        for (const reader of raw) {
          await expect.poll(() => reader.text).toMatch(/^HTTP\/1\.1 200 [^]*"done":true/)
          reader.socket.destroy()
        }
        expect(small.upstream.requests.at(-1)!.body).toContain('x'.repeat(bytes - 36))
      })

      test.each([limit + 1, limit * 10, 3_000_000])(
        '%i bytes are beyond the limit, with a length and in chunks',
        async (bytes) => {
          const asked = await countRequests(small, async () => {
            for (const path of posts) {
              const raw = [
                readRaw(small.server, toPost(path, bodyOf(bytes))),
                readRaw(small.server, toPost(path, toChunked(bodyOf(bytes), 50_000), ['Transfer-Encoding: chunked'])),
              ]
              for (const reader of raw) {
                let isClosed = false
                void reader.closed.then(() => (isClosed = true))
                await expect.poll(() => isClosed || tooLarge.test(reader.text), { timeout: 5000 }).toBe(true)
                reader.socket.destroy()
                // workerd closes the connection directly after its answer. The unread rest of the
                // body then causes a reset, which can destroy the answer before it is read. So the
                // answer may be missing, but no other answer is allowed.
                if (runtime !== 'worker' || bytes === limit + 1 || reader.text !== '') expect(reader.text).toMatch(tooLarge)
              }
            }
          })
          expect(asked).toBe(0)
        },
      )

      test('a length beyond the limit is refused before a byte of the body has come', async () => {
        for (const bytes of [limit + 1, 10_000_000_000]) {
          const reader = readRaw(small.server, toPost('/chat', '', [`Content-Length: ${bytes}`]))
          await expect.poll(() => reader.text).toMatch(tooLarge)
          reader.socket.destroy()
        }
      })

      test('chunks beyond the limit are refused while the body still comes', async () => {
        const [head, chunks] = [toPost('/chat', '', ['Transfer-Encoding: chunked']), toChunked('x'.repeat(limit + 1), 500)]
        const reader = readRaw(small.server, head, chunks.subarray(0, -5))
        await expect.poll(() => reader.text).toMatch(tooLarge)
        reader.socket.destroy()
      })
    })

    test('a reader that disconnects stops the upstream after a body in chunks too', async () => {
      const name = stage.upstream.script(thenSilent(1))
      const body = toChunked(JSON.stringify({ model: name, prompt: 'Hi' }), 10)
      const reader = readRaw(stage.server, toPost('/api/generate', body, ['Transfer-Encoding: chunked']))
      const { exchange } = await stage.upstream.next(name)
      await expect.poll(() => reader.text).toContain('token')
      reader.socket.destroy()
      await exchange.closedByReader
    })
  })
}
