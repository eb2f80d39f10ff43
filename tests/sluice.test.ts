import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { createSluice, type LogLine, type Principal, type Sluice, type SluiceOptions } from '../src/index.ts'
import { createSluice as createOnNode, serve } from '../src/runtimes/node/sluice.ts'
import { surfaces } from './surfaces.ts'

let upstream: Upstream
/** The environment of a Sluice in front of the fake Ollama. */
let env: Record<string, string>
beforeAll(async () => {
  upstream = await startUpstream()
  env = { OLLAMA_HOST: upstream.url, SLUICE_GRACE_MS: '0' }
})
afterAll(() => upstream.close())

const toModel = () => upstream.script(tokens({ count: 2 }))

/** The app around Sluice knows its callers by a header. */
const principal = ({ headers }: Request): Principal | undefined => {
  const name = headers.get('x-user')
  return name === null ? undefined : { name }
}

interface Asked {
  readonly as?: string
  readonly method?: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

const ask = async ({ fetch }: Pick<Sluice, 'fetch'>, path: string, { as, body, headers, method }: Asked = {}) =>
  fetch(
    new Request(`http://localhost${path}`, {
      method: method ?? (body ? 'POST' : 'GET'),
      headers: { host: 'localhost', ...(as !== undefined && { 'x-user': as }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    }),
  )

describe.each([
  ['sluice', createSluice],
  ['sluice/node', createOnNode],
])('createSluice of %s', (_name, create) => {
  const start = (options: Partial<SluiceOptions> = {}) => create({ env, ...options })

  test.each(surfaces)('$path: without a principal, 401 in the words of the dialect', async ({ path, body, language }) => {
    const response = await ask(start({ principal }), path, { body })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="sluice"')
    const failure = (await response.json()) as Record<string, unknown>
    expect(language.isError(failure)).toBe(true)
    expect(JSON.stringify(failure)).toContain('Nobody is signed in')
  })

  test.each(surfaces)('$path: a principal that throws is a 500 without its text', async ({ path, body, language }) => {
    const secret = 'a token that nobody may read'
    for (const principal of [
      () => {
        throw new Error(secret)
      },
      () => Promise.reject(new Error(secret)),
      () => Promise.reject(secret),
    ]) {
      const lines: LogLine[] = []
      const response = await ask(start({ principal, log: (line) => void lines.push(line) }), path, { body })
      expect(response.status).toBe(500)
      const failure = (await response.json()) as Record<string, unknown>
      expect(language.isError(failure)).toBe(true)
      expect(JSON.stringify([failure, lines])).not.toContain(secret)
      await vi.waitFor(() => expect(lines).toMatchObject([{ status: 500, code: 'internal' }]))
    }
  })

  test.each([{}, { name: '' }, { name: 5 }, { name: 'a'.repeat(257) }, 'alice', []])('%j is no principal', async (wrong) => {
    const sluice = start({ principal: () => wrong as unknown as Principal })
    const response = await ask(sluice, '/api/version')
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'misconfigured' })
  })

  test('a principal may be a promise, and its name is in the log', async () => {
    const lines: LogLine[] = []
    const sluice = start({ principal: async (request) => principal(request), log: (line) => void lines.push(line) })
    await (
      await ask(sluice, '/api/chat', { as: 'alice@example.com', body: { messages: [{ role: 'user', content: 'Hi' }] } })
    ).text()
    await vi.waitFor(() => expect(lines).toMatchObject([{ key: 'alice@example.com', status: 200, ended: 'done' }]))
  })

  test('the page, the client and the checks of health are open to all', async () => {
    const sluice = start({ principal })
    for (const path of ['/', '/client.js', '/healthz', '/readyz']) expect((await ask(sluice, path)).status).toBe(200)
  })

  test('a caller without keys on a public name is let in by its principal, and not without', async () => {
    const headers = { host: 'chat.example' }
    expect((await ask(start({ principal }), '/api/version', { as: 'alice', headers })).status).toBe(200)
    expect(await (await ask(start(), '/api/version', { headers })).json()).toMatchObject({ code: 'misconfigured' })
  })

  test('`models` limit the models of a caller as those of a key', async () => {
    const sluice = start({ principal: () => ({ name: 'alice', models: ['gemma3*'] }) })
    const { models } = (await (await ask(sluice, '/api/tags')).json()) as { models: { name: string }[] }
    expect(models.length).toBeGreaterThan(0)
    for (const { name } of models) expect(name).toMatch(/^gemma3/)
    const refused = await ask(sluice, '/api/chat', { body: { model: 'other', messages: [{ role: 'user', content: 'Hi' }] } })
    expect(await refused.json()).toMatchObject({ code: 'model_not_found' })
  })

  test('the limits count each name for itself', async () => {
    const sluice = start({ env: { ...env, SLUICE_RATE_PER_MINUTE: '2' }, principal })
    for (const as of ['alice', 'bob']) {
      const statuses = []
      for (let i = 0; i < 3; i++) statuses.push((await ask(sluice, '/api/version', { as })).status)
      expect(statuses).toEqual([200, 200, 429])
    }
  })

  test('a run belongs to the name that started it', async () => {
    const sluice = start({ base: '/ai', principal })
    const headers = { accept: 'text/event-stream', prefer: 'resume=30' }
    const response = await ask(sluice, '/ai/api/generate', { as: 'alice', headers, body: { model: toModel(), prompt: 'Hi' } })
    const text = await response.text()
    const location = response.headers.get('content-location')!
    expect(await (await ask(sluice, location, { as: 'alice' })).text()).toBe(text)
    expect((await ask(sluice, location, { as: 'bob' })).status).toBe(404)
    expect((await ask(sluice, location)).status).toBe(401)
    expect(await (await ask(sluice, '/ai/streams', { as: 'bob' })).json()).toEqual({ streams: [] })
    expect((await ask(sluice, location, { as: 'alice', method: 'DELETE' })).status).toBe(204)
  })

  test('two of them in one process know nothing of each other', async () => {
    const [one, two] = [
      start({ base: 'one', principal }),
      start({ base: '/two', env: { ...env, SLUICE_RATE_PER_MINUTE: '2' } }),
    ]
    expect((await ask(one, '/two/ping')).status).toBe(404)
    expect((await ask(two, '/two/api/version')).status).toBe(200)
    expect((await ask(one, '/one/api/version', { as: 'alice' })).status).toBe(200)
    const headers = { accept: 'text/event-stream', prefer: 'resume=30' }
    const response = await ask(one, '/one/api/generate', { as: 'alice', headers, body: { model: toModel(), prompt: 'Hi' } })
    const location = response.headers.get('content-location')!
    expect(location).toMatch(/^\/one\/streams\//)
    await response.text()
    expect((await ask(two, location.replace('/one/', '/two/'))).status).toBe(404)
    expect((await ask(two, '/two/api/version')).status).toBe(429)
    expect((await ask(one, '/one/api/version', { as: 'alice' })).status).toBe(200)
    await two.drain(0)
    expect((await ask(one, '/one/readyz')).status).toBe(200)
    expect((await ask(two, '/two/readyz')).status).toBe(503)
  })

  test.each([
    [{ env: { SLUICE_QUEUE: 'x', SLUICE_NONE: '1' } }, /^SLUICE_NONE: no such variable.*\nSLUICE_QUEUE: must be an integer/],
    [{ base: '/ai?x' }, 'SLUICE_BASE: must be a path such as /ai'],
    [{ env: { SLUICE_REDIS_URL: 'redis://127.0.0.1' } }, 'SLUICE_REDIS_URL: must be unset here'],
    [{ env: { SLUICE_API_KEYS_FILE: 'keys.json' } }, 'SLUICE_API_KEYS_FILE: must be unset here'],
    [{ env: { SLUICE_API_KEYS: `a:${'0'.repeat(64)}` }, principal }, 'SLUICE_API_KEYS: must be unset here'],
    [{ env: { SLUICE_TOKEN_SECRET: 'x'.repeat(32) }, principal }, 'SLUICE_TOKEN_SECRET: must be unset without keys'],
  ])('%j is refused with all mistakes', (options, text) => {
    expect(() => create({ env: {}, ...options })).toThrow(text)
  })

  test('HOST and PORT are those of the app around it', () => {
    start({ env: { ...env, HOST: 'http://0.0.0.0', PORT: '\\\\.\\pipe\\app' } })
  })
})

describe('serve of sluice/node', () => {
  test('listens below the base, and drains', async () => {
    const { port, hostname, app, close } = await serve({ env: { ...env, PORT: '0' }, base: '/ai', principal })
    try {
      expect(hostname).toBe('127.0.0.1')
      const url = `http://127.0.0.1:${port}/ai/api/version`
      expect((await fetch(url)).status).toBe(401)
      expect((await fetch(url, { headers: { 'x-user': 'alice' } })).status).toBe(200)
      await app.drain(0)
    } finally {
      await close()
    }
  })

  test('refuses an address that others can reach, if nothing says who may ask', async () => {
    await expect(serve({ env: { ...env, HOST: '0.0.0.0', PORT: '0' } })).rejects.toThrow('HOST: others can reach this address')
  })
})
