import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import type { PoolView } from '../../src/pool/pool-view.ts'
import type { Streams } from '../../src/relay/streams.ts'
import { createRoutes } from '../../src/routes/create-routes.ts'
import { status } from '../../src/routes/status.ts'
import { createSluice } from '../../src/runtimes/node/sluice.ts'
import type { SharedRuns } from '../../src/streams/runs.ts'

let upstream: Upstream
beforeAll(async () => void (upstream = await startUpstream()))
afterAll(() => upstream.close())

const users = { alice: { name: 'alice' }, bob: { name: 'bob' }, root: { name: 'root', admin: true } }
type User = keyof typeof users

/** Sluice inside an app, which says who asks, and who of them is an operator. */
function start() {
  const { fetch } = createSluice({
    env: { OLLAMA_HOST: upstream.url, SLUICE_GRACE_MS: '0', SLUICE_OPERATOR: '1' },
    principal: ({ headers }) => users[headers.get('x-user') as User],
  })
  return async (user: User, path: string, options: { method?: string; body?: object; headers?: Record<string, string> } = {}) =>
    fetch(
      new Request(`http://localhost${path}`, {
        method: options.method ?? (options.body ? 'POST' : 'GET'),
        headers: { host: 'localhost', 'x-user': user, ...options.headers },
        ...(options.body && { body: JSON.stringify(options.body) }),
      }),
    )
}

/** Reads the whole answer of a stream, once it has ended. */
async function begin(ask: ReturnType<typeof start>, user: User, headers: Record<string, string>) {
  const model = upstream.script(thenSilent(1))
  const response = await ask(user, '/api/generate', { body: { model, prompt: 'Hi' }, headers })
  await upstream.next(model)
  return { model, text: response.text() }
}

describe('an operator with a name', () => {
  test.each([
    ['a stream', {}],
    ['a stream that can be resumed', { prefer: 'resume=30' }],
  ])('sees %s of everybody, and stops one of two with the same id', async (_name, headers) => {
    const ask = start()
    const ofAlice = await begin(ask, 'alice', { 'x-request-id': 'same', ...headers })
    const ofBob = await begin(ask, 'bob', { 'x-request-id': 'same', ...headers })
    const read = async () => (await (await ask('root', '/status/data')).json()) as { streams: { key: string; model: string }[] }
    expect((await read()).streams.map(({ key, model }) => [key, model])).toEqual([
      ['alice', ofAlice.model],
      ['bob', ofBob.model],
    ])
    const stop = (user: User, key: string) => ask(user, `/status/streams?request_id=same&key=${key}`, { method: 'DELETE' })
    expect((await stop('bob', 'alice')).status).toBe(404)
    expect(upstream.open).toBe(2)
    expect((await stop('root', 'alice')).status).toBe(204)
    const text = await ofAlice.text
    expect(text.match(/event: failed\ndata: \{.*"code":"cancelled"/g)).toHaveLength(1)
    expect((await read()).streams.map(({ key }) => key)).toEqual(['bob'])
    expect((await stop('root', 'bob')).status).toBe(204)
    expect(await ofBob.text).toContain('"code":"cancelled"')
    await expect.poll(() => upstream.open).toBe(0)
  })

  test('is nobody without the right, also on this machine', async () => {
    const ask = start()
    for (const path of ['/status/data', '/status/streams']) expect((await ask('alice', path)).status).toBe(404)
  })
})

describe('the data', () => {
  const hosts: PoolView['hosts'] = [
    {
      name: 'big',
      tier: 1,
      isUp: true,
      breaker: 'half_open',
      inFlight: 3,
      max: 4,
      loaded: ['qwen3:8b'],
      installed: ['qwen3:8b', 'gemma3:270m'],
    },
  ]
  const streams: Streams = {
    start: () => {
      throw new Error('nobody starts a stream')
    },
    cancel: ({ requestId }) => requestId === 'here',
    revoke() {},
    list: () => [
      {
        requestId: 'a',
        principal: '',
        surface: 'openai',
        model: undefined,
        host: undefined,
        state: 'queued',
        tokens: 0,
        startedAt: 400,
        firstTokenAt: undefined,
      },
    ],
    drain: () => Promise.resolve(),
    isDraining: false,
  }
  const toApp = (shared?: SharedRuns) =>
    createRoutes().route(
      '/',
      status({
        guard: (_c, next) => next(),
        streams,
        pool: () => ({ hosts }),
        recent: { view: () => ({ minutes: [], failures: [] }) },
        shared,
        now: () => 1000,
      }),
    )

  test('has the hosts and the queue, and no list of what is installed', async () => {
    expect(await (await toApp().request('/status/data')).json()).toEqual({
      time: expect.any(String),
      shared: false,
      open: 1,
      waiting: 1,
      streams: [{ request_id: 'a', surface: 'openai', state: 'queued', tokens: 0, age_ms: 600 }],
      hosts: [{ name: 'big', tier: 1, up: true, breaker: 'half_open', in_flight: 3, max: 4, loaded: ['qwen3:8b'] }],
      minutes: [],
      failures: [],
    })
  })

  test('says that other processes share its store, and a stop reaches them too', async () => {
    const asked: unknown[] = []
    const app = toApp({
      cancel: (request: object) => Promise.resolve(asked.push(request) > 0),
    } as Partial<SharedRuns> as SharedRuns)
    expect(await (await app.request('/status/data')).json()).toMatchObject({ shared: true })
    const stop = async (query: string) => (await app.request(`/status/streams?${query}`, { method: 'DELETE' })).status
    expect(await stop('request_id=here&key=alice')).toBe(204)
    expect(asked).toEqual([])
    expect(await stop('request_id=there&key=alice')).toBe(204)
    expect(asked).toEqual([{ requestId: 'there', principal: 'alice' }])
  })
})
