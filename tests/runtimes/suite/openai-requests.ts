import { describe, expect, test } from 'vitest'
import { gzipSync } from 'node:zlib'
import { replay } from '#fake-ollama/scripts.ts'
import { read, readAll } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const chat = '/v1/chat/completions'
const posts = [chat, '/v1/completions', '/v1/embeddings']

const model = 'smollm2:135m'
const hi = { role: 'user', content: 'Hi' }
/** A body that is a valid request at every path. */
const good = { model, messages: [hi], prompt: 'ü', input: 'ü' }
const withMessage = (message: object) => ({ ...good, messages: [message] })
const png = 'iVBORw0KGgo='
const image = (url: string) => withMessage({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] })

const called = (given: unknown) =>
  withMessage({ role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: given } }] })
/** The messages that Ollama must get for `called`. */
const ofCall = (given: object) => ({
  messages: [{ role: 'assistant', content: '', tool_calls: [{ id: 'a', function: { name: 'f', arguments: given } }] }],
})

const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

/** Refused requests: the path, the body, the error code, and the field that the error names. */
const refused: readonly (readonly [
  name: string,
  path: string,
  body: object | string | Uint8Array,
  code: string,
  param: string | null,
])[] = [
  ['Latin-1', chat, Buffer.from(JSON.stringify(good), 'latin1'), 'invalid_json', null],
  ['a model with a header', '/v1/embeddings', { ...good, model: 'a\r\nX: 1' }, 'invalid_request', 'model'],
  ['a list of no messages', chat, { ...good, messages: [] }, 'invalid_request', 'messages'],
  ['an image at a URL', chat, image('http://127.0.0.1:1/x.png'), 'not_supported', 'messages.0.content.0.image_url'],
  [
    'a schema 10,000 deep',
    chat,
    JSON.stringify(good).replace('{', `{"response_format":{"type":"json_schema","json_schema":{"schema":${deep(10_000)}}},`),
    'invalid_json',
    null,
  ],
  ['two answers', chat, { ...good, n: 2 }, 'not_supported', 'n'],
  ['log probabilities', '/v1/completions', { ...good, logprobs: 1 }, 'not_supported', 'logprobs'],
  ['tokens', '/v1/embeddings', { ...good, input: [1, 2] }, 'not_supported', 'input'],
]

/**
 * Accepted requests: the body, the body that Ollama must get, and the ignored fields that the
 * answer lists.
 */
const passed: [name: string, body: object | string, sent: object, ignored?: string][] = [
  ['a float for an integer', { ...good, max_tokens: 1.5 }, { messages: [hi] }, 'max_tokens, +2 unknown'],
  ['arguments with a million brackets', called('['.repeat(1_000_000)), ofCall({ _raw: '['.repeat(1_000_000) })],
  ['arguments 10,000 deep', called(deep(10_000)), ofCall({ _raw: deep(10_000) })],
  ['a field twice: the last one', `{"messages":[],${JSON.stringify(good).slice(1)}`, { messages: [hi] }],
  [
    'fields of every object',
    `{"__proto__":{"n":2},"constructor":{"prototype":{}},${JSON.stringify(good).slice(1)}`,
    { messages: [hi] },
    '+4 unknown',
  ],
  ['a name with NUL', { ...good, 'a\0b': 1 }, { messages: [hi] }, '+3 unknown'],
  [
    '100,000 fields',
    { ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])), ...good },
    { messages: [hi] },
    '+100002 unknown',
  ],
  ['NUL', withMessage({ role: 'user', content: 'a\0b' }), { messages: [{ role: 'user', content: 'a\0b' }] }],
  ['a lone surrogate', withMessage({ role: 'user', content: 'a\ud800' }), { messages: [{ role: 'user', content: 'a\ud800' }] }],
  ['an image', image(`data:image/png;base64,${png}`), { messages: [{ role: 'user', content: '', images: [png] }] }],
]

/** Requests at `/v1` with wrong types, odd keys, models, numbers or text. */
export function describeOpenAIRequests(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('requests', () => {
    const stage = useStage(runtime)

    async function expectRefused(path: string, body: object | string | Uint8Array, told: object, headers = {}) {
      const asked = await countRequests(stage, async () => {
        const { status, text } = await readAll(read(stage.server, { path, body, headers }))
        expect({ status, ...JSON.parse(text) }, path).toMatchObject(told)
      })
      expect(asked).toBe(0)
    }

    async function expectPassed(body: object | string, sent: object, headers = {}, ignored = '+2 unknown') {
      const asked = await countRequests(stage, async () => {
        const answer = await readAll(read(stage.server, { path: chat, body, headers }))
        expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'x-sluice-ignored': ignored } })
      })
      expect(asked).toBe(1)
      expect(stage.upstream.requests.at(-1)!.json).toEqual({ model, options: {}, stream: true, ...sent })
    }

    each(refused)('%s at %s is refused', async (_name, path, body, code, param) => {
      await expectRefused(path, body, { status: 400, error: { code, param, type: 'invalid_request_error' } })
    })

    each(['', '{', '[]', 'null', '"a"', '{"model":"a",}', '['.repeat(100_000)])('%.10s is invalid_json', async (body) => {
      for (const path of posts) await expectRefused(path, body, { status: 400, error: { code: 'invalid_json' } })
    })

    test.each(['compress', 'gzip, gzip'])('Content-Encoding: %s is refused', async (encoding) => {
      const packed = gzipSync(JSON.stringify(good))
      for (const path of posts)
        await expectRefused(
          path,
          packed,
          { status: 415, error: { code: 'unsupported_encoding' } },
          { 'content-encoding': encoding },
        )
    })

    each(['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense', ''])(
      'the content type does not matter: %s',
      async (type) => {
        await expectPassed(good, { messages: [hi] }, { 'content-type': type })
      },
    )

    each(passed)('%s: passes', async (_name, body, sent, ignored) => {
      await expectPassed(body, sent, {}, ignored)
    })

    test('an echo, several candidates and a wrong type are left out of a completion', async () => {
      const body = { ...good, echo: true, best_of: 2, temperature: '1' }
      const answer = await readAll(read(stage.server, { path: '/v1/completions', body }))
      expect(answer).toMatchObject({
        status: 200,
        headers: { 'x-sluice-ignored': 'echo, best_of, temperature, +2 unknown' },
      })
      expect(stage.upstream.requests.at(-1)!.json).toEqual({ model, prompt: 'ü', options: {}, stream: true })
    })

    test('10 MB of text, 100,000 messages and 10,000 tools pass', async () => {
      const large = { role: 'user', content: 'x'.repeat(10_000_000) }
      await expectPassed(withMessage(large), { messages: [large] })
      const many = Array.from({ length: 100_000 }, () => hi)
      await expectPassed({ ...good, messages: many }, { messages: many })
      const parameters = { type: 'object', properties: {} }
      const tools = Array.from({ length: 10_000 }, (_, i) => ({ type: 'function', function: { name: `f${i}`, parameters } }))
      await expectPassed({ ...good, tools }, { messages: [hi], tools })
    })

    test('odd headers do not reach Ollama', async () => {
      const named = stage.upstream.script(replay('chat-stream'))
      const headers = { authorization: 'Bearer sk-none', origin: stage.server.url }
      await readAll(read(stage.server, { path: chat, body: { ...good, model: named }, headers }))
      const seen = stage.upstream.requestsFor(named)[0]!.headers
      for (const name of Object.keys(headers)) expect(seen).not.toHaveProperty(name)
    })
  })
}
