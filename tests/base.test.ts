import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { createApp } from '../src/app.ts'
import { parseConfig } from '../src/config/parse-config.ts'
import { createDialects } from '../src/dialects.ts'
import { assets } from '../src/generated/assets.ts'
import { openWithStreamSSE } from '../src/relay/sink.ts'
import { createMemoryLogs } from '../src/streams/memory-log.ts'
import { surfaces, toEnding } from './surfaces.ts'

let upstream: Upstream
beforeAll(async () => void (upstream = await startUpstream()))
afterAll(() => upstream.close())

function create(base: string, env: Readonly<Record<string, string>> = {}) {
  const config = parseConfig({ OLLAMA_HOST: upstream?.url, SLUICE_BASE: base, SLUICE_GRACE_MS: '0', ...env })
  const app = createApp({ config, open: openWithStreamSSE, logs: createMemoryLogs(config.resume) })
  return async (path: string, { headers, ...init }: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {}) =>
    app.fetch(new Request(`http://localhost${path}`, { ...init, headers: { host: 'localhost', ...headers } }))
}

/** The part of an answer that is the same below every base. */
async function toShape(response: Response, base: string) {
  const { 'x-request-id': _id, 'request-id': _other, etag: _etag, ...headers } = Object.fromEntries(response.headers)
  const text = (await response.text()).replaceAll(/"request_id":"[^"]*"/g, '').replaceAll(`"${base}/`, '"/')
  return { status: response.status, headers, text }
}

const routes = createDialects({ management: true })
  .flatMap(({ generations, questions }) => [
    ...Object.keys(generations).map((path) => `POST ${path}`),
    ...Object.keys(questions),
  ])
  .map((route) => route.split(' ') as [method: string, path: string])
/** The routes that no dialect has, and paths that have no route. */
const others: readonly [method: string, path: string][] = [
  ['GET', '/'],
  ['GET', '/ping'],
  ['GET', '/healthz'],
  ['GET', '/v1'],
  ['GET', '/v1/'],
  ['GET', '/ollama'],
  ['GET', '/ollama/v1/'],
  ['GET', '/streams'],
  ['GET', '/streams/none'],
  ['DELETE', '/streams/none'],
  ['POST', '/ollama/cancel/none'],
  ['GET', '/api/ui/chat/none/stream'],
  ['POST', '/api/ui/chat/none/stop'],
  ['GET', '/v1/responses/none'],
  ['GET', '/ollama/v1/responses/none'],
  ['PUT', '/api/chat'],
  ['GET', '/no/such/path'],
  ['GET', '/ollama/none'],
  ['GET', '/v1/none'],
  ...assets.map(({ path }): [string, string] => ['GET', path]),
]

describe.each(['/ai', '/tools/ai', '/智能', '/v1', '/api/chat', '/ollama', '/a:id'])('below %s', (base) => {
  const env = { SLUICE_MANAGEMENT: '1' }
  let root: ReturnType<typeof create>
  let ask: ReturnType<typeof create>
  beforeAll(() => {
    root = create('', env)
    ask = create(base, env)
  })

  test.each([...routes, ...others])('%s %s has the answer of its route, and its dialect', async (method, path) => {
    // A body that is no object gets the error format of the dialect. Cuts off the route's parameters.
    const concrete = path.replace(':model{.+}', 'none').replaceAll(/:\w+(?:\{[^}]*\})?/g, 'none')
    const init = { method, ...(method === 'POST' && { body: '[]' }) }
    const expected = await toShape(await root(concrete, init), '')
    expect(await toShape(await ask(encodeURI(base) + concrete, init), encodeURI(base))).toEqual(expected)
  })

  test('the page is there with and without a slash at the end, and all that it loads', async () => {
    for (const path of [base, `${base}/`]) {
      const page = await ask(path, { headers: { accept: 'text/html' } })
      const html = await page.text()
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
      const links = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, link]) => link!)
      expect(links).toHaveLength(3)
      for (const link of links) {
        expect(link.startsWith(`${encodeURI(base)}/assets/`), link).toBe(true)
        expect((await ask(link)).status).toBe(200)
      }
      const etag = page.headers.get('etag')!
      expect((await ask(path, { headers: { accept: 'text/html', 'if-none-match': etag } })).status).toBe(304)
    }
  })

  test.each(surfaces.filter(({ endpoint }) => endpoint !== undefined))('POST $path answers', async (surface) => {
    const { path, body, streams = {} } = surface
    const model = upstream.script(tokens({ count: 2 }))
    const init = { method: 'POST', body: JSON.stringify({ ...body, ...streams, model }) }
    const response = await ask(encodeURI(base) + path, init)
    const contentType = response.headers.get('content-type')
    expect(toEnding(surface, { status: response.status, contentType, text: await response.text() })).toBe('done')
  })

  test('an answer that can be resumed has an address that works, and the list of streams has it', async () => {
    const keyed = create(base, { SLUICE_API_KEYS: 'a:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' })
    const headers = { authorization: 'Bearer test', accept: 'text/event-stream', prefer: 'resume=5' }
    const body = JSON.stringify({ model: upstream.script(tokens({ count: 2 })), prompt: 'Hi' })
    const response = await keyed(`${base}/api/generate`, { method: 'POST', body, headers })
    const location = response.headers.get('content-location')!
    expect(location.startsWith(`${encodeURI(base)}/streams/`), location).toBe(true)
    const text = await response.text()
    expect(await (await keyed(location, { headers })).text()).toBe(text)
    const { streams } = (await (await keyed(`${base}/streams`, { headers })).json()) as { streams: { stream: string }[] }
    expect(streams.map(({ stream }) => stream)).toEqual([location])
    expect((await keyed(location, { method: 'DELETE', headers })).status).toBe(204)
    expect((await keyed(location, { headers })).status).toBe(404)
  })

  test.each(['/', '/x', '/v1/models', `${base}x`, `${base}x/api/version`, `/x${base}/ping`, `${base.slice(0, -1)}/ping`])(
    '%s is outside, and 404 for everybody',
    async (path) => {
      const url = encodeURI(path)
      if (url.startsWith(`${encodeURI(base)}/`)) return
      const keyed = create(base, { SLUICE_API_KEYS: `a:${'0'.repeat(64)}` })
      for (const app of [ask, keyed])
        for (const method of ['GET', 'POST', 'OPTIONS']) {
          const response = await app(url, { method, ...(method === 'POST' && { body: '{}' }) })
          expect(response.status).toBe(404)
          expect(await response.json()).toMatchObject({ code: 'not_found' })
        }
    },
  )
})

test('a base that is spelled in another way has the same paths', async () => {
  for (const base of ['ai', '/ai/', '//ai//', '/%61i']) {
    const ask = create(base)
    for (const path of ['/ai/ping', '/%61i/ping', '/ai/ping?x=/ai/']) expect((await ask(path)).status).toBe(200)
    expect((await ask('/AI/ping')).status).toBe(404)
    expect((await ask('//ai/ping')).status).toBe(404)
  }
})

test('a wrong base is a mistake of the configuration', () => {
  expect(() => create('/ai?x')).toThrow('SLUICE_BASE: must be a path such as /ai')
})

test('paths outside of any base never reach a route', async () => {
  const ask = create('/base')
  await fc.assert(
    fc.asyncProperty(fc.webPath(), async (path) => {
      const isInside = /^\/base(?:\/|$)/.test(decodeURI(new URL(`http://localhost${path}`).pathname))
      const response = await ask(path)
      if (!isInside) expect(response.status).toBe(404)
      await response.body?.cancel()
    }),
    { numRuns: 300 },
  )
})
