import { expect, test } from 'vitest'
import { viaFetch } from '../../src/upstreams/connect.ts'
import { createOllama } from '../../src/upstreams/ollama.ts'
import { upstreamContract } from '../contracts/upstream.ts'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'

const create = (host: string) =>
  createOllama({
    host,
    apiKey: 'secret-key',
    maxLineBytes: 100_000,
    embedTimeoutMs: 5000,
    connect: viaFetch(fetch),
  })

// Node's own fetch fails on a status 100 that it did not request. `viaHttp` accepts it
// (tests/runtimes/node).
upstreamContract('Ollama', create, { isKnown: ({ name }) => /^(100|several 1xx) before/.test(name) })

const { signal } = new AbortController()

test('every request has the key', async () => {
  const fixture = await startUpstream()
  const upstream = create(fixture.url)
  const model = fixture.script(tokens({ count: 1 }))
  const generation = await upstream.generate({ endpoint: 'generate', model, body: { prompt: 'hi' } }, { signal })
  await generation.flow(() => {})
  generation.close({ how: 'done' })
  await upstream.ask({ about: 'tags' }, { signal })
  expect(fixture.requests.map(({ headers }) => headers['authorization'])).toEqual(['Bearer secret-key', 'Bearer secret-key'])
  await expect.poll(() => fixture.open).toBe(0)
  await fixture.close()
})
