import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { read, readAll } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const path = '/v1/messages'
const hi = { role: 'user', content: 'Hi' }
const model = 'smollm2:135m'
const base = { model, max_tokens: 5, messages: [hi] }
const said = (content: unknown) => ({ ...base, messages: [{ role: 'user', content }] })
const image = (source: object) => said([{ type: 'image', source }])
const tool = { name: 'a', input_schema: { type: 'object' } }
const asked = (messages: readonly object[]) => ({ messages })
/** The body that Ollama gets for `base`. */
const same = asked([hi])
const json = (body: object) => JSON.stringify(body)
const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

/**
 * Refused bodies, each with the error code and the field that the message names. The field is empty
 * if the message names none.
 */
const refused: readonly (readonly [name: string, body: string | Uint8Array, code: string, named: string])[] = [
  ['Latin-1', Buffer.from(json(said('ü')), 'latin1'), 'invalid_json', ''],
  ['gzip without saying so', gzipSync(json(base)), 'invalid_json', ''],
  ['no messages', json({ ...base, messages: [] }), 'invalid_request', 'messages'],
  [
    'an image by URL',
    json(image({ type: 'url', url: 'http://169.254.169.254/' })),
    'not_supported',
    'messages.0.content.0.source',
  ],
  ['a schema that is deep', `{"output_format":{"type":"json_schema","schema":${deep(10_000)}}}`, 'invalid_json', ''],
]

/**
 * Accepted requests: the body, what Ollama must get in addition to `model`, `stream` and the usual
 * `options`, and the ignored fields that the answer lists.
 */
const passing: [name: string, body: string, asked: object, ignored?: string][] = [
  ['no max_tokens', json({ model, messages: [hi] }), { ...same, options: {} }],
  ['a server’s tool', json({ ...base, tools: [{ type: 'web_search_20250305', name: 'w' }] }), same, 'tools.0'],
  ['half a token', json({ ...base, max_tokens: 0.5 }), { ...same, options: {} }, 'max_tokens'],
  ['a field twice: the last one counts', json(base).replace('{', '{"messages":5,'), same],
  ['__proto__', json(base).replace('{', '{"__proto__":{"stream":true,"system":"no"},'), same, '+1 unknown'],
  ['constructor.prototype', json({ ...base, constructor: { prototype: { system: 'no' } } }), same, '+1 unknown'],
  ['NUL in a name', json({ ...base, 'a\0b': 1 }), same, '+1 unknown'],
  [
    '100,000 fields',
    json({ ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])), ...base }),
    same,
    '+100000 unknown',
  ],
  ['a lone surrogate', json(said('a\ud800')), { messages: [{ role: 'user', content: expect.stringMatching(/^a.$/) }] }],
  ['NUL in a text', json(said('a\0b')), { messages: [{ role: 'user', content: 'a\0b' }] }],
  ['10 MB of text', json(said('x'.repeat(10_000_000))), { messages: [{ role: 'user', content: 'x'.repeat(10_000_000) }] }],
  [
    '100,000 messages',
    json({ ...base, messages: Array.from({ length: 100_000 }, () => hi) }),
    { messages: Array.from({ length: 100_000 }, () => hi) },
  ],
  [
    '10,000 tools',
    json({ ...base, tools: Array.from({ length: 10_000 }, (_, i) => ({ ...tool, name: `a${i}` })) }),
    {
      messages: [hi],
      tools: Array.from({ length: 10_000 }, (_, i) => ({
        type: 'function',
        function: { name: `a${i}`, parameters: { type: 'object' } },
      })),
    },
  ],
]

/** Bad requests at `/v1/messages`: wrong types, odd keys, odd text and others. */
export function describeAnthropicRequests(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('requests', () => {
    const stage = useStage(runtime)
    const post = (body: string | Uint8Array, headers = {}) =>
      readAll(read(stage.server, { path, body, headers, method: 'POST' }))

    async function expectRefused(body: string | Uint8Array, expected: { status: number; code: string }, headers = {}) {
      let message = ''
      const asked = await countRequests(stage, async () => {
        const { status, text } = await post(body, headers)
        const envelope = JSON.parse(text) as { error: { code: string; message: string } }
        expect(envelope).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } })
        expect({ status, code: envelope.error.code }).toEqual(expected)
        message = envelope.error.message
      })
      expect(asked).toBe(0)
      return message
    }

    each(refused)('%s is refused', async (_name, body, code, named) => {
      expect(await expectRefused(body, { status: 400, code })).toContain(named)
    })

    test.each(['compress', 'gzip, gzip'])('a body in %s is refused', async (encoding) => {
      const headers = { 'content-encoding': encoding }
      await expectRefused(gzipSync(json(base)), { status: 415, code: 'unsupported_encoding' }, headers)
    })

    each(passing)('%s passes', async (_name, body, asked, ignored) => {
      const name = stage.upstream.script(tokens({ count: 1 }))
      const answer = await post(body.replace(`"model":"${model}"`, `"model":"${name}"`))
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
      expect(answer.headers['x-sluice-ignored']).toBe(ignored)
      const [seen] = stage.upstream.requestsFor(name)
      expect(seen!.json).toEqual({ model: name, stream: true, options: { num_predict: 5 }, ...asked })
    })

    each([
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'text/event-stream',
      'multipart/form-data',
      '',
    ])('a body with content type "%s" is read as JSON', async (type) => {
      expect(await post(json(base), { 'content-type': type })).toMatchObject({ status: 200 })
    })

    each([
      {},
      { 'anthropic-version': '2023-06-01' },
      { 'anthropic-version': 'future', 'anthropic-beta': 'a,b', accept: 'text/event-stream' },
    ])('a request with the headers %j gets the same answer', async (headers) => {
      const answer = await post(json(base), headers)
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
    })

    each(['application/json', 'text/event-stream', '*/*'])(
      'stream: true is answered with SSE, whatever Accept says: %s',
      async (accept) => {
        expect(await post(json({ ...base, stream: true }), { accept })).toMatchObject({
          status: 200,
          headers: {
            'content-type': 'text/event-stream',
            'cache-control': 'no-cache, no-transform',
            'x-accel-buffering': 'no',
          },
        })
      },
    )

    test('a request without a model is answered by the loaded model', async () => {
      const answer = await post(json({ max_tokens: 5, messages: [hi] }))
      expect(JSON.parse(answer.text)).toMatchObject({ type: 'message', model: 'gemma3:270m' })
    })
  })
}
