import { expect, test } from 'vitest'
import { viaFetch } from '../../src/upstreams/connect.ts'
import { createOllama } from '../../src/upstreams/ollama.ts'
import { upstreamContract } from '../contracts/upstream.ts'
import { tokens } from '../fixtures/scripts.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const create = (host: string, model?: string) =>
  createOllama({
    host,
    apiKey: 'secret-key',
    model,
    maxLineBytes: 100_000,
    embedTimeoutMs: 5000,
    connect: viaFetch(fetch),
    now: () => performance.now(),
  })

// Node's own fetch takes a 100 that it did not ask for as a broken connection; `viaHttp` does not (tests/runtimes/node).
upstreamContract('Ollama', create, { isKnown: ({ name }) => /^(100|several 1xx) before/.test(name) })

const { signal } = new AbortController()
const call = { endpoint: 'generate', model: undefined, body: { prompt: 'hi' } } as const

test('a call without a model asks for the default one, and every request has the key', async () => {
  const fixture = await startUpstream()
  const generation = await create(fixture.url).generate(call, { signal })
  await generation.flow(() => {})
  generation.close({ how: 'done' })
  expect(fixture.requests.map(({ target }) => target)).toEqual(['/api/ps', '/api/generate'])
  expect(fixture.requests[1]!.json).toMatchObject({ model: expect.stringContaining(':'), stream: true })
  for (const { headers } of fixture.requests) expect(headers['authorization']).toBe('Bearer secret-key')
  await expect.poll(() => fixture.open).toBe(0)
  await fixture.close()
})

test('a call without a model takes the configured one, and asks nothing else', async () => {
  const fixture = await startUpstream()
  fixture.script(tokens({ count: 1 }), 'mine:7b')
  const generation = await create(fixture.url, 'mine:7b').generate(call, { signal })
  await generation.flow(() => {})
  generation.close({ how: 'done' })
  expect(fixture.requests.map(({ json }) => json)).toEqual([{ prompt: 'hi', model: 'mine:7b', stream: true }])
  await expect.poll(() => fixture.open).toBe(0)
  await fixture.close()
})
