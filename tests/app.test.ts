import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createApp } from '../src/app.ts'
import { parseConfig } from '../src/config/parse-config.ts'
import type { Limits } from '../src/middleware/limits.ts'
import { openWithStreamSSE } from '../src/relay/sink.ts'

const { fetch } = createApp({ config: parseConfig({ SLUICE_DEMO: '1' }), open: openWithStreamSSE })

test.each(['/chat', '/api/generate', '/api/chat'])(
  '%s: an app whose runtime cannot break a response answers text/plain with SSE',
  async (path) => {
    const body = JSON.stringify({ text: 'Hi', prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }] })
    const response = await fetch(
      new Request(`http://localhost${path}`, { method: 'POST', body, headers: { host: 'localhost', accept: 'text/plain' } }),
    )
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await response.body!.cancel()
  },
)

test.each<[method: string, path: string, answers: 0 | 1, headers?: Record<string, string>]>([
  ['POST', '/api/chat', 1],
  ['POST', '/v1/responses', 1],
  ['GET', '/v1/models', 1],
  ['GET', '/unknown', 1],
  ['GET', '/*', 1], // the text of the middleware's pattern
  ['POST', '/ollama/cancel/id', 0],
  ['GET', '/metrics', 0],
  ['GET', '/streams', 0],
  ['GET', '/streams/id', 0],
  ['DELETE', '/streams/id', 0],
  ['GET', '/api/ui/chat/id/stream', 0],
  ['POST', '/api/ui/chat/id/stop', 0],
  ['GET', '/v1/responses/id', 0],
  ['DELETE', '/ollama/v1/responses/id', 0],
  ['POST', '/v1/responses/id/cancel', 0],
  ['GET', '/status/data', 0],
  ['DELETE', '/status/streams', 0],
  ['POST', '/api/chat', 0, { 'last-event-id': 'id.1' }],
  ['POST', '/api/show', 1, { 'last-event-id': 'id.1' }],
])('%s %s makes one reservation, with %i places of an answer (%j)', async (method, path, answers, headers = {}) => {
  const reserved: unknown[] = []
  const settled: unknown[] = []
  const limits: Limits = {
    reserve(_who, cost) {
      reserved.push(cost)
      return { refusedBy: undefined, left: {}, settle: () => void settled.push(cost) }
    },
  }
  const config = parseConfig({ SLUICE_DEMO: '1', SLUICE_RATE_PER_MINUTE: '60', SLUICE_MAX_STREAMS_PER_KEY: '2' })
  const app = createApp({ config, open: openWithStreamSSE, limits })
  const request = new Request(`http://localhost${path}`, {
    method,
    headers: { host: 'localhost', ...headers },
    ...(method === 'POST' && { body: '{}' }),
  })
  await (await app.fetch(request)).text()
  expect(reserved).toEqual([{ requests: 1, ...(answers && { answers }) }])
  await expect.poll(() => settled).toEqual(reserved)
})

test.each([
  ['PUT', '/api/chat', 'POST'],
  ['POST', '/ping', 'GET, HEAD'],
  ['HEAD', '/ollama/api/delete', 'DELETE'],
  ['PATCH', '/v1/models/library/gemma3', 'GET, HEAD'],
])('%s %s is refused, and %s allowed', async (method, path, allow) => {
  const config = parseConfig({ SLUICE_DEMO: '1', SLUICE_MANAGEMENT: '1' })
  const app = createApp({ config, open: openWithStreamSSE })
  const response = await app.fetch(new Request(`http://localhost${path}`, { method, headers: { host: 'localhost' } }))
  expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
})

test.each(['/metrics', '/status/data', '/api/delete', `/ollama/api/blobs/sha256:${'a'.repeat(64)}`])(
  '%s looks to a stream token like a path without a route, and costs as much',
  async (path) => {
    const sha256 = createHash('sha256').update('secret').digest('hex')
    const config = parseConfig({
      SLUICE_DEMO: '1',
      SLUICE_API_KEYS: `{"keys":[{"name":"me","sha256":"${sha256}","admin":true}]}`,
      SLUICE_TOKEN_SECRET: 'a secret for tests, of 40 characters ...',
      SLUICE_MANAGEMENT: '1',
      SLUICE_RATE_PER_MINUTE: '60',
    })
    const app = createApp({ config, open: openWithStreamSSE, now: () => 0 })
    const send = (path: string, key: string, method: string, body?: string) => {
      const headers = { host: 'localhost', authorization: `Bearer ${key}`, 'x-request-id': 'id' }
      return app.fetch(new Request(`http://localhost${path}`, { method, headers, ...(body && { body }) }))
    }
    const { token } = (await (await send('/tokens', 'secret', 'POST', '{}')).json()) as { token: string }
    const ask = async (path: string) => {
      const response = await send(path, token, 'DELETE')
      const { ratelimit, ...headers } = Object.fromEntries(response.headers)
      return { left: /r=(\d+)/.exec(ratelimit ?? '')?.[1], status: response.status, headers, text: await response.text() }
    }
    const { left, ...nothing } = await ask('/nothing')
    const { left: leftNext, ...answer } = await ask(path)
    expect([left, leftNext]).toEqual(['58', '57'])
    if (path.startsWith('/ollama/') || path.startsWith('/api/')) expect(answer.status).toBe(404)
    else expect(answer).toEqual(nothing)
  },
)
