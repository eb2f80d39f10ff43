import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { read, readAll } from './reader.ts'
import { startServer } from './server.ts'

/** The targets of the requests that the proxy got. */
const targets: (string | undefined)[] = []
const proxy = http.createServer((request, response) => {
  targets.push(request.url)
  response.setHeader('content-type', 'application/json').end('{"models":[]}')
})
let url: string

beforeAll(async () => {
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
})
afterAll(() => void proxy.close())

describe('the proxy of the environment', () => {
  test.each([
    ['node', { NODE_USE_ENV_PROXY: '1' }],
    ['node', { NODE_OPTIONS: '--use-env-proxy' }],
    ['bun', {}],
  ] as const)('gets the requests for Ollama, on %s with %o', async (runtime, env) => {
    const server = await startServer(runtime, {
      OLLAMA_HOST: 'http://ollama.test:11434',
      SLUICE_LOG: 'silent',
      HTTP_PROXY: url,
      ...env,
    })
    targets.length = 0
    expect(await readAll(read(server, { path: '/api/tags' }))).toMatchObject({ status: 200 })
    expect(targets).toContain('http://ollama.test:11434/api/tags')
    await server.stop()
  })
})

test('Node uses no proxy without NODE_USE_ENV_PROXY', async () => {
  const server = await startServer('node', { OLLAMA_HOST: 'http://127.0.0.1:9', HTTP_PROXY: url, SLUICE_LOG: 'silent' })
  targets.length = 0
  expect(await readAll(read(server, { path: '/api/tags' }))).toMatchObject({ status: 502 })
  expect(targets).toEqual([])
  await server.stop()
})
