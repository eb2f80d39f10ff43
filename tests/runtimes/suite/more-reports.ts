import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { lines, tokens } from '#fake-ollama/scripts.ts'
import { read, readAll } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const hi = { role: 'user', content: 'hi' }
const id = '1234567890123456789'
const ids = `{"id":${id},"f":1.0}`

/**
 * Requests whose answers contain a tool call. `shape` is the form of its arguments: text or an
 * object.
 */
const callers: readonly (readonly [path: string, body: object, shape: 'text' | 'object'])[] = [
  ['/v1/chat/completions', { messages: [hi], stream: true }, 'text'],
  ['/v1/chat/completions', { messages: [hi] }, 'text'],
  ['/v1/responses', { input: 'hi', stream: true }, 'text'],
  ['/v1/responses', { input: 'hi' }, 'text'],
  ['/v1/messages', { max_tokens: 9, messages: [hi], stream: true }, 'text'],
  ['/v1/messages', { max_tokens: 9, messages: [hi] }, 'object'],
  ['/api/ui/chat', { messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'hi' }] }] }, 'object'],
  ['/api/chat', { messages: [hi], stream: false }, 'object'],
  ['/api/chat', { messages: [hi] }, 'object'],
  ['/ollama/api/chat', { messages: [hi], stream: false }, 'object'],
  ['/ollama/api/chat', { messages: [hi] }, 'object'],
]

/** Requests from public bug reports about numbers, about Ollama's own routes, and about access. */
export function describeMoreReports(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('reports of numbers', () => {
    const stage = useStage(runtime)

    each(callers)('earendil-works/pi#8943 at %s: a call has all its digits (%j)', async (path, body, shape) => {
      const called = `{"function":{"name":"get","arguments":${ids}}}`
      const line = `{"model":"m","message":{"role":"assistant","content":"","tool_calls":[${called}]},"done":false}`
      const done = '{"model":"m","message":{"role":"assistant","content":""},"done":true}'
      const model = stage.upstream.script(lines([line, done]))
      const { status, text } = await readAll(read(stage.server, { path, body: { ...body, model } }))
      expect(status).toBe(200)
      expect(text).toContain(shape === 'text' ? ids.replaceAll('"', '\\"') : ids)
    })

    test('earendil-works/pi#8943: a call of the history has all its digits', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const call = { id: 'c1', type: 'function', function: { name: 'get', arguments: ids } }
      const body = { model, messages: [hi, { role: 'assistant', tool_calls: [call] }] }
      expect(await readAll(read(stage.server, { path: '/v1/chat/completions', body }))).toMatchObject({ status: 200 })
      expect(stage.upstream.requestsFor(model)[0]!.body).toContain(`"arguments":${ids}`)
    })

    test.each(['9223372036854775807', '1e20'])('RevenueCat/ai-toolkit#26: a schema says %s', async (maximum) => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const tool = `{"type":"function","function":{"name":"pay","parameters":{"type":"object","properties":{"n":{"maximum":${maximum}}}}}}`
      for (const path of ['/v1/chat/completions', '/api/chat', '/ollama/api/chat']) {
        const body = `{"model":"${model}","messages":[${JSON.stringify(hi)}],"tools":[${tool}]}`
        expect(await readAll(read(stage.server, { path, body }))).toMatchObject({ status: 200 })
        const [, sent] = /"maximum":([^}]*)/.exec(stage.upstream.requests.at(-1)!.body)!
        expect([maximum, String(Number(maximum))]).toContain(sent)
        if (/^\d+$/.test(maximum)) expect(sent).toBe(maximum)
      }
    })
  })

  describe('reports of Ollama’s own routes', () => {
    const stage = useStage(runtime)

    test.each(['control', 'thinking', 'document 1', 'User'])('ollama/ollama-python#506: a message of role %s', async (role) => {
      for (const path of ['/ollama/api/chat', '/api/chat']) {
        const model = stage.upstream.script(tokens({ count: 1 }))
        const messages = [{ role, content: 'thinking' }, hi]
        expect(await readAll(read(stage.server, { path, body: { model, messages } }))).toMatchObject({ status: 200 })
        expect(stage.upstream.requestsFor(model)[0]!.json).toMatchObject({ messages })
      }
    })

    test('open-webui/open-webui#22861: one base URL has Ollama’s, OpenAI’s and Anthropic’s routes', async () => {
      for (const [path, body] of [
        ['/ollama/v1/messages', { max_tokens: 9, messages: [hi] }],
        ['/ollama/v1/chat/completions', { messages: [hi] }],
        ['/ollama/v1/responses', { input: 'hi' }],
        ['/ollama/v1/models', undefined],
      ] as const) {
        const model = stage.upstream.script(tokens({ count: 1 }))
        const answer = await readAll(read(stage.server, { path, ...(body && { body: { ...body, model } }) }))
        expect(answer.status, path).toBe(200)
      }
    })

    test.each(['GET', 'HEAD'])('stdapi-ai/stdapi.ai#254: %s of the base URL answers', async (method) => {
      for (const path of ['/ollama', '/ollama/', '/v1']) {
        const { status, text } = await readAll(read(stage.server, { path, method }))
        expect(status, path).toBe(200)
        if (method === 'GET' && path.startsWith('/ollama')) expect(text).toBe('Ollama is running')
      }
    })
  })

  describe('reports of callers that must be accepted', () => {
    const origins = ['app://obsidian.md', 'tauri://localhost', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop']
    const stage = useStage(runtime, { SLUICE_CORS_ORIGINS: [...origins, 'moz-extension://*'].join(',') })

    test.each([...origins, 'moz-extension://0a1b2c3d-0000-0000-0000-000000000000'])(
      'ollama/ollama#4385: a page of the origin %s may send requests, with any header',
      async (origin) => {
        const answer = await readAll(read(stage.server, { path: '/api/tags', headers: { origin } }))
        expect(answer).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': origin } })
        const asked = 'http-referer,x-title,x-requested-with,baggage,traceparent,x-stainless-async'
        const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': asked }
        const preflight = await readAll(read(stage.server, { path: '/v1/chat/completions', method: 'OPTIONS', headers }))
        expect(preflight.status).toBe(204)
        expect(preflight.headers['access-control-allow-headers']!.toLowerCase().split(/, ?/)).toEqual(
          expect.arrayContaining(asked.split(',')),
        )
      },
    )

    test('nulab/backlog-mcp-server#214: a health check may use an IP address as Host', async () => {
      for (const path of ['/healthz', '/ping'])
        expect(await readAll(read(stage.server, { path, headers: { host: '10.1.2.3:8083' } }))).toMatchObject({ status: 200 })
    })

    test.each(['gzip', ...(runtime === 'worker' || runtime === 'deno' ? [] : ['zstd'])])(
      'SaladDay/cc-switch-cli#469: a body in %s',
      async (coding) => {
        const model = stage.upstream.script(tokens({ count: 1 }))
        const json = JSON.stringify({ model, input: 'hi', stream: true })
        const body = coding === 'gzip' ? gzipSync(json) : zstdCompressSync(json)
        const answer = await readAll(
          read(stage.server, { path: '/v1/responses', body, headers: { 'content-encoding': coding } }),
        )
        expect(answer.status).toBe(200)
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      },
    )
  })

  describe('reports of keys', () => {
    // The SHA-256 hash of the key `good`.
    const hash = '770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c'
    const stage = useStage(runtime, { SLUICE_API_KEYS: `a:${hash}` })

    test.each([
      { authorization: 'Bearer of-another-service', 'x-api-key': 'good' },
      { authorization: 'Bearer good', 'x-api-key': 'of-another-service' },
    ])('BerriAI/litellm#39004: one good key of two is enough: %j', async (headers) => {
      expect(await readAll(read(stage.server, { path: '/api/tags', headers }))).toMatchObject({ status: 200 })
    })
  })
}
