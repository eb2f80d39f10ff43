import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { badConfigurations, canary } from '../fixtures/bad-configurations.ts'
import { read, readAll, readFailure } from './reader.ts'
import { startServer, type Server } from './server.ts'

const names = [
  'mistakes in several variables',
  'an upstream with user information',
  'a key with a line feed',
  'a variable that is gone',
]
const chosen = badConfigurations.filter(({ name }) => names.includes(name))

test('the chosen mistakes are in the table', () => {
  expect(chosen).toHaveLength(names.length)
})

const onlyOnWorkers = [
  {
    name: 'a secret for stream tokens without keys',
    env: { SLUICE_TOKEN_SECRET: canary.repeat(4) },
    says: ['SLUICE_TOKEN_SECRET: must be unset without keys'],
  },
  {
    name: 'a Redis',
    env: { SLUICE_REDIS_URL: `redis://:${canary}@redis`, SLUICE_REDIS_LEASE_MS: '5000' },
    says: [
      'SLUICE_REDIS_URL: must be unset on Workers, where Durable Objects replace Redis',
      'SLUICE_REDIS_LEASE_MS: must be unset on Workers',
    ],
  },
  {
    name: 'a file of keys',
    env: { SLUICE_API_KEYS_FILE: `/${canary}` },
    says: ['SLUICE_API_KEYS_FILE: must be unset on Workers, which have no files'],
  },
]

// A Worker receives its bindings only with its first request. So it cannot refuse to start.
describe.each([...chosen, ...onlyOnWorkers])('a Worker whose bindings have a mistake: $name', ({ env, says }) => {
  let server: Server

  beforeAll(async () => {
    server = await startServer('worker', env)
  })

  afterAll(() => server.stop())

  test('is alive', async () => {
    for (const method of ['GET', 'HEAD']) {
      expect(await readAll(read(server, { method, path: '/ping' }))).toMatchObject({ status: 200 })
      expect(await readAll(read(server, { method, path: '/healthz' }))).toMatchObject({ status: 200 })
    }
    expect((await readAll(read(server, { path: '/ping' }))).text).toBe('{"message":"OK"}')
    expect((await readAll(read(server, { path: '/healthz' }))).text).toBe('{"status":"ok"}')
  })

  test.each([
    ['GET', '/'],
    ['GET', '/readyz'],
    ['GET', '/api/tags'],
    ['POST', '/api/generate'],
    ['POST', '/api/chat'],
    ['POST', '/chat'],
    ['POST', '/api/embed'],
    ['GET', '/nothing'],
    ['GET', '/ping/'],
    ['DELETE', '/api/generate'],
  ])('answers %s %s with 503 misconfigured, and names the variables', async (method, path) => {
    const reader = read(server, { method, path, headers: { 'x-request-id': 'mine-1' }, ...(method === 'POST' && { body: {} }) })
    const failure = await readFailure(reader)
    expect(failure).toMatchObject({
      status: 503,
      code: 'misconfigured',
      request_id: 'mine-1',
      headers: { 'x-request-id': 'mine-1' },
    })
    for (const part of says) expect(failure.error).toContain(part)
    expect(reader.text).not.toContain(canary)
  })

  test('has this error in the envelope of each dialect, with the headers of every answer', async () => {
    const error = expect.stringContaining(says[0]!) as string
    for (const [path, body] of [
      ['/v1/chat/completions', { error: { code: 'misconfigured', message: error, type: 'server_error' } }],
      ['/v1/messages', { type: 'error', error: { code: 'misconfigured', message: error, type: 'api_error' } }],
      ['/ollama/api/chat', { error }],
    ] as const) {
      const { status, headers, text } = await readAll(read(server, { path, body: {} }))
      expect({ status, body: JSON.parse(text) as object }).toMatchObject({ status: 503, body })
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      })
      if (path === '/v1/messages') expect(headers['request-id']).toBe(headers['x-request-id'])
    }
  })

  test('logs the same error once, and no value anywhere', async () => {
    await readAll(read(server, { path: '/' }))
    for (const part of says) await expect.poll(() => server.output()).toContain(part)
    expect(server.output().match(/Misconfigured:/g)).toHaveLength(1)
    expect(server.output()).not.toContain(canary)
  })
})

test('a Worker without bindings looks for Ollama where it is by default', async () => {
  const server = await startServer('worker', { SLUICE_LOG: 'silent' })
  expect(await readAll(read(server, { path: '/ping' }))).toMatchObject({ status: 200 })
  expect(await readAll(read(server, { path: '/' }))).toMatchObject({ status: 200, text: 'Sluice is running' })
  await server.stop()
})
