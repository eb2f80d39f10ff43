import { describe, expect, test } from 'vitest'
import { replay } from '#fake-ollama/scripts.ts'
import { read, readAll } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

/** Requests at `/v1/responses` with wrong types, odd keys, models, numbers or text. */
export function describeResponsesRequests(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('requests', () => {
    const stage = useStage(runtime)
    const ask = (body: object | string | Uint8Array, headers = {}) =>
      readAll(read(stage.server, { path: '/v1/responses', body, headers }))
    const hi = { model: 'smollm2:135m', input: 'Hi' }
    const image = (image_url: string) => ({ input: [{ role: 'user', content: [{ type: 'input_image', image_url }] }] })

    each<[string, object | string, string, string | null]>([
      ['no JSON', '{', 'invalid_json', null],
      ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'invalid_json', null],
      ['no input', {}, 'invalid_request', 'input'],
      ['a model with a line break', { input: 'Hi', model: 'a\r\nb' }, 'invalid_request', 'model'],
      ['an image that is elsewhere', image('http://127.0.0.1/x'), 'not_supported', 'input.0.content.0.image_url'],
      ['a schema 10,000 deep', `{"input":"Hi","text":{"format":${nested(10_000)}}}`, 'invalid_json', null],
      ['previous_response_id', { input: 'Hi', previous_response_id: 'resp_1' }, 'not_supported', 'previous_response_id'],
    ])('with %s are refused in OpenAI’s envelope, and the upstream sees nothing', async (_, body, code, param) => {
      const asked = await countRequests(stage, async () => {
        const { status, headers, text } = await ask(body)
        expect(status).toBe(400)
        expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-request-id': expect.any(String) })
        const error = { message: expect.any(String), type: 'invalid_request_error', code, param }
        expect(JSON.parse(text)).toEqual({ error })
      })
      expect(asked).toBe(0)
    })

    each<[name: string, body: object, asked: object, ignored?: string]>([
      ['a fraction of a token', { max_output_tokens: 1.5 }, {}, 'max_output_tokens'],
      ['a tool of OpenAI’s own', { tools: [{ type: 'web_search' }] }, {}, 'tools.0'],
      [
        'arguments 10,000 deep',
        { input: [{ type: 'function_call', call_id: '1', name: 'f', arguments: nested(10_000) }] },
        {
          messages: [
            {
              role: 'assistant',
              content: '',
              tool_calls: [{ id: '1', function: { name: 'f', arguments: { _raw: nested(10_000) } } }],
            },
          ],
        },
      ],
    ])('with %s pass, and X-Sluice-Ignored names the ignored fields', async (_, body, asked, ignored) => {
      const model = stage.upstream.script(replay('chat-stream'))
      const { status, headers } = await ask({ input: 'Hi', ...body, model })
      expect([status, headers['x-sluice-ignored']]).toEqual([200, ignored])
      const [seen] = stage.upstream.requestsFor(model)
      const plainly = { model, messages: [{ role: 'user', content: 'Hi' }], options: {}, stream: true }
      expect(seen!.json).toEqual({ ...plainly, ...asked })
    })

    each<[string, object | string, object?]>([
      ['any content type', JSON.stringify(hi), { 'content-type': 'application/x-www-form-urlencoded' }],
      ['unknown keys', { ...hi, a_field_to_come: { a: 1 } }],
      [
        'a key that is a prototype',
        `{"__proto__":{"store":true},"constructor":{"prototype":{}},"model":"smollm2:135m","input":"Hi"}`,
      ],
      ['a key twice, of which the last counts', '{"input":5,"model":"smollm2:135m","input":"Hi"}'],
      ['100,000 keys', { ...hi, ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])) }],
      ['a NUL and half a character', { ...hi, input: '\0 \ud800' }],
      ['10,000 tools', { ...hi, tools: Array.from({ length: 10_000 }, (_, i) => ({ type: 'function', name: `f${i}` })) }],
    ])('with %s pass', async (_, body, headers = {}) => {
      const { status, text } = await ask(body, headers)
      expect(status).toBe(200)
      expect(JSON.parse(text)).toMatchObject({ object: 'response', output: [{ type: 'message' }] })
    })

    test('with 100,000 messages pass', async () => {
      const model = stage.upstream.script(replay('chat-stream'))
      const input = Array.from({ length: 100_000 }, () => ({ role: 'user', content: 'Hi' }))
      expect(await ask({ model, input })).toMatchObject({ status: 200 })
      const [seen] = stage.upstream.requestsFor(model)
      expect((seen!.json as { messages: unknown[] }).messages).toHaveLength(100_000)
    })

    each([
      ['GET', '/v1/responses', 405, 'method_not_allowed'],
      ['GET', '/v1/responses/resp_1', 404, 'not_found'],
      ['DELETE', '/v1/responses/resp_1', 404, 'not_found'],
      ['POST', '/v1/responses/resp_1/cancel', 404, 'not_found'],
      ['POST', '/v1/responses/', 404, 'not_found'],
    ])('%s %s is %i in the same envelope', async (method, path, status, code) => {
      const answer = await readAll(read(stage.server, { path, method, ...(method === 'POST' && { body: hi }) }))
      expect(answer.status).toBe(status)
      expect(JSON.parse(answer.text)).toMatchObject({ error: { code, message: expect.any(String), param: null } })
    })

    test('with a body in an unknown coding are refused in the same envelope', async () => {
      const { status, text } = await ask(hi, { 'content-encoding': 'compress' })
      expect(status).toBe(415)
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'unsupported_encoding', type: 'invalid_request_error' } })
    })

    test('streams open at once with a comment, which clients ignore, and end with the whole response', async () => {
      const { status, headers, text } = await ask({ ...hi, stream: true })
      expect(status).toBe(200)
      expect(headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' })
      expect(text).toMatch(/^:\nevent: response\.created\ndata: \{"type":"response\.created",/)
      expect(text.trimEnd().split('\n').at(-2)).toMatch(/^event: response\.(?:completed|incomplete)$/)
    })
  })
}
