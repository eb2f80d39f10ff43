import { describe, expect, test } from 'vitest'
import { createApp, type AppOptions } from '../../src/app.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { LogLine } from '../../src/middleware/access-log.ts'
import { openWithStreamSSE } from '../../src/relay/sink.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import type { Connect } from '../../src/upstreams/connect.ts'
import { parseExposition, sumOf } from '../telemetry/parse-exposition.ts'

const json = { 'content-type': 'application/json' }

/** An Ollama that answers with `lines`, one at a time, and has one model. */
const toConnect =
  (lines: readonly string[], onLine: () => void = () => {}): Connect =>
  ({ url }) => {
    const answer = url.endsWith('/api/tags') ? ['{"models":[{"name":"gemma3:latest"}]}'] : lines
    const headers = new Headers(url.includes('/api/generate') ? { 'content-type': 'application/x-ndjson' } : json)
    return Promise.resolve({
      status: 200,
      headers,
      async flow(take) {
        for (const line of answer) {
          await take(new TextEncoder().encode(`${line}\n`))
          onLine()
        }
      },
    })
  }

function create(env: Record<string, string> = { SLUICE_OPERATOR: '1' }, options: Partial<AppOptions> = {}) {
  const app = createApp({
    config: parseConfig(env),
    connect: toConnect(['{"response":"a","done":false}', '{"done":true,"prompt_eval_count":3,"eval_count":5}']),
    open: openWithStreamSSE,
    address: () => '127.0.0.1',
    bound: '127.0.0.1',
    ...options,
  })
  return async (path: string, { body, headers, ...init }: RequestInit & { body?: string } = {}) =>
    app.fetch(
      new Request(`http://localhost${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        ...(body !== undefined && { body }),
        ...init,
        headers: { host: 'localhost', ...(headers as Record<string, string>) },
      }),
    )
}

const generate = { body: '{"model":"gemma3","prompt":"secret \\"words\\""}' }

describe('who may scrape', () => {
  test.each([
    ['a program on this machine, if SLUICE_OPERATOR says so', create(), 200],
    ['a program on this machine in the demo', create({ SLUICE_DEMO: '1' }), 200],
    ['nobody by default', create({}), 404],
    ['a caller with admin', create({}, { principal: () => ({ name: 'op', admin: true }) }), 200],
    ['no other caller', create({ SLUICE_OPERATOR: '1' }, { principal: () => ({ name: 'me' }) }), 404],
    ['nobody without a sign-in', create({ SLUICE_OPERATOR: '1' }, { principal: () => undefined }), 401],
    ['no other machine', create({ SLUICE_OPERATOR: '1' }, { address: () => '203.0.113.7' }), 404],
    ['no reader behind Cloudflare, whose address is unknown', create({ SLUICE_OPERATOR: '1' }, { address: () => '' }), 404],
  ])('%s', async (_, ask, status) => {
    const [got, head, post] = [
      await ask('/metrics'),
      await ask('/metrics', { method: 'HEAD' }),
      await ask('/metrics', { body: '' }),
    ]
    expect([got.status, head.status, post.status]).toEqual([status, status, status === 200 ? 405 : status])
    expect(await head.text()).toBe('')
    if (status === 404) {
      const [body, elsewhere] = [await got.json(), await (await ask('/nothing')).json()] as { request_id?: string }[]
      expect({ ...body, request_id: '' }).toEqual({ ...elsewhere, request_id: '' })
      expect(post.headers.get('allow')).toBeNull()
    }
  })

  test('nobody through a proxy on this machine, which makes every caller one of this machine', async () => {
    const ask = create()
    for (const headers of [{ 'x-forwarded-for': '203.0.113.7' }, { forwarded: 'for=203.0.113.7' }, { host: 'chat.example' }])
      expect((await ask('/metrics', { headers: headers as Record<string, string> })).status).not.toBe(200)
  })
})

test.each([
  [undefined, 'text/plain; version=0.0.4; charset=utf-8'],
  ['*/*', 'text/plain; version=0.0.4; charset=utf-8'],
  ['text/html', 'text/plain; version=0.0.4; charset=utf-8'],
  ['application/openmetrics-text', 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1',
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  ],
  ['application/openmetrics-text;q=0.2,text/plain;q=0.9', 'text/plain; version=0.0.4; charset=utf-8'],
  ['application/openmetrics-text;q=0', 'text/plain; version=0.0.4; charset=utf-8'],
])('Accept: %s gets %s', async (accept, type) => {
  const response = await create()('/metrics', { headers: accept === undefined ? {} : { accept } })
  expect(response.headers.get('content-type')).toBe(type)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const text = await response.text()
  expect(text.endsWith('# EOF\n')).toBe(type.startsWith('application/'))
  parseExposition(text)
})

test('a generation is counted at its end, with its tokens and without its words', async () => {
  const asked: string[] = []
  const answer = toConnect(['{"response":"a","done":false}', '{"done":true,"prompt_eval_count":3,"eval_count":5}'])
  const connect: Connect = (request, signal) => {
    asked.push(request.url)
    return answer(request, signal)
  }
  const ask = create({ SLUICE_OPERATOR: '1' }, { connect })
  await (await ask('/metrics')).text() // which asks for the models in the background
  await expect.poll(() => asked).toContainEqual(expect.stringContaining('/api/tags'))
  await (await ask('/api/generate', generate)).text()
  const scrape = async () => (await ask('/metrics')).text()
  await expect.poll(scrape).toContain('terminal="done"')
  const text = await scrape()
  const scraped = parseExposition(text)
  expect(sumOf(scraped, 'sluice_tokens_total', { model: 'gemma3:latest', type: 'in' })).toBe(3)
  expect(sumOf(scraped, 'sluice_tokens_total', { model: 'gemma3:latest', type: 'out' })).toBe(5)
  expect(sumOf(scraped, 'sluice_ends_total', { terminal: 'done', phase: 'streaming' })).toBe(1)
  expect(sumOf(scraped, 'sluice_requests_total', { route: '/api/generate', status: '200' })).toBe(1)
  expect(text).not.toMatch(/secret|words/)
})

test('a pull has no tokens, and no first one', async () => {
  const lines: LogLine[] = []
  const progress = ['{"status":"pulling","total":9}', '{"status":"pulling","completed":9}', '{"status":"success"}']
  const ask = create(
    { SLUICE_OPERATOR: '1', SLUICE_MANAGEMENT: '1' },
    { connect: toConnect(progress), log: (line) => void lines.push(line) },
  )
  await (await ask('/api/pull', { body: '{"model":"gemma3"}' })).text()
  await expect.poll(() => lines).toMatchObject([{ ended: 'done', tokens: 0 }])
  expect(lines[0]).not.toHaveProperty('ttft_ms')
  expect(sumOf(parseExposition(await (await ask('/metrics')).text()), 'sluice_tokens_total')).toBe(0)
})

test('nothing of the telemetry is called on a token’s way: 1000 tokens are one call, at the end', async () => {
  const calls: string[] = []
  let atTokens = 0
  const config = parseConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector' })
  const telemetry = createTelemetry({
    otlp: config.telemetry,
    aliases: [],
    version: '1',
    view() {
      calls.push('view')
      return { hosts: [], waiting: 0 }
    },
    post: () => Promise.reject(new Error('down')),
    toServer: () => undefined,
    now: () => performance.now(),
  })
  const watched = new Proxy(telemetry, {
    get(target, name: keyof typeof telemetry) {
      calls.push(`get ${name}`)
      const value = target[name] as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push(name)
        return (value as (...args: unknown[]) => unknown)(...args)
      }
    },
  })
  const line = '{"response":"token ","done":false}'
  const tokens = [...Array.from({ length: 1000 }, () => line), '{"done":true,"eval_count":1000}']
  const connect = toConnect(tokens, () => {
    atTokens += calls.length
  })
  const ask = create({}, { config, connect, telemetry: watched })
  calls.length = 0
  const response = await ask('/api/generate', generate)
  expect(calls).toEqual(['sampler'])
  calls.length = 0
  atTokens = 0
  expect((await response.text()).split('token').length).toBe(1001)
  expect(atTokens).toBe(0)
  await expect.poll(() => calls.filter((call) => !call.startsWith('get '))).toEqual(['hear', 'view'])
})
