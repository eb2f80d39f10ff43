import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { askToResume, generate, read, readAll, readFailure } from './reader.ts'
import { startServer, type Server } from './server.ts'

const sha256 = createHash('sha256').update('secret-of-alice').digest('hex')
const headers = { authorization: 'Bearer secret-of-alice' }

/** Answers as a KV namespace does in workerd: a GET of the key, and 404 for a value that is missing. */
let value: string | undefined
const asked: (string | undefined)[] = []
const kv = createServer(({ url }, response) => {
  asked.push(url)
  response.writeHead(value === undefined ? 404 : 200).end(value)
})

let upstream: Upstream
let server: Server
const start = async (env: Readonly<Record<string, string>> = {}) => {
  const { port } = kv.address() as AddressInfo
  const own = { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent', SLUICE_GRACE_MS: '0' }
  server = await startServer('worker', { ...own, ...env }, { kv: `127.0.0.1:${port}` })
}

beforeAll(async () => {
  kv.listen(0, '127.0.0.1')
  await once(kv, 'listening')
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
  kv.close()
})

describe('a Worker with the KV namespace API_KEYS', () => {
  beforeAll(() => start())
  afterAll(() => server.stop())
  const ask = (more: Readonly<Record<string, string>> = headers) => read(server, { path: '/api/version', headers: more })

  test('is misconfigured until the namespace has keys, but alive', async () => {
    const failure = await readFailure(ask())
    expect(failure).toMatchObject({
      status: 503,
      code: 'misconfigured',
      error: expect.stringContaining('keys.json is missing'),
    })
    expect(await readAll(read(server, { path: '/ping' }))).toMatchObject({ status: 200 })
    expect(asked[0]).toMatch(/^\/keys\.json\b/)
  })

  test('answers who has one of its keys, on every surface, and nobody else, also by a public name', async () => {
    value = JSON.stringify({ keys: [{ name: 'alice', sha256, requests_per_minute: 100 }] })
    expect(await readAll(ask())).toMatchObject({ status: 200, headers: { 'ratelimit-policy': '"minute";q=100;w=60' } })
    expect(await readAll(ask({}))).toMatchObject({ status: 401 })
    expect(await readAll(ask({ ...headers, host: 'sluice.example' }))).toMatchObject({ status: 200 })
  })

  test('has the same keys in the objects of runs', async () => {
    const model = upstream.script(thenSilent(1))
    const reader = askToResume({ server }, model, { headers })
    await reader.until((text) => text.includes(' token'))
    const run = String((await reader.head).headers['content-location'])
    expect(await readAll(read(server, { path: run, method: 'DELETE', headers: {} }))).toMatchObject({ status: 401 })
    expect(await readAll(read(server, { path: run, method: 'DELETE', headers }))).toMatchObject({ status: 204 })
    expect((await readAll(reader)).text).toContain('"code":"cancelled"')
  })
})

test('a Worker with the namespace makes stream tokens, and knows their keys in each isolate', async () => {
  value = JSON.stringify({ keys: [{ name: 'alice', sha256 }] })
  const env = { SLUICE_TOKEN_SECRET: 'a secret of tokens, which is long enough' }
  await start(env)
  const made = await readAll(read(server, { path: '/tokens', body: {}, headers }))
  expect(made).toMatchObject({ status: 200 })
  const { token } = JSON.parse(made.text) as { token: string }
  await server.stop()
  await start(env)
  // The first request of the isolate has a token, and no key.
  const bearer = { authorization: `Bearer ${token}` }
  const answer = await readAll(generate(server, 'folded', upstream.script(tokens({ count: 1 })), { headers: bearer }))
  expect(answer).toMatchObject({ status: 200 })
  await server.stop()
})

test('a Worker with the namespace and SLUICE_API_KEYS is misconfigured', async () => {
  await start({ SLUICE_API_KEYS: `alice:${sha256}` })
  const failure = await readFailure(read(server, { path: '/api/version', headers }))
  expect(failure).toMatchObject({ status: 503, error: expect.stringContaining('SLUICE_API_KEYS: must be unset') })
  await server.stop()
})
