import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { read } from './reader.ts'
import { startServer, type Server } from './server.ts'

const streams = 20
const image = 'iVBORw0K'.repeat(250_000)

/**
 * The most heap that one stream may use on average: a quarter of the image's size. With a lower
 * limit the test could fail on Bun, which sometimes has not freed the images of a few streams when
 * the test measures the heap.
 */
const maxBytes = image.length / 4

describe.each(['node', 'bun'] as const)('%s', (runtime) => {
  let upstream: Upstream
  let server: Server

  beforeEach(async () => {
    upstream = await startUpstream()
    server = await startServer(runtime, { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent' }, { tellsHeap: true })
  })
  afterEach(async () => {
    await server.stop()
    await upstream.close()
  })

  test.each([
    ['/api/generate', { prompt: 'Hi', images: [image] }],
    ['/api/chat', { messages: [{ role: 'user', content: 'Hi', images: [image] }] }],
    [
      '/v1/chat/completions',
      {
        stream: true,
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } }] }],
      },
    ],
    [
      '/v1/chat/completions',
      {
        stream: true,
        reasoning_effort: 'high',
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } }] }],
      },
    ],
    ['/api/chat', { messages: [{ role: 'user', content: 'Hi', images: [image] }] }, { prefer: 'status' }],
  ] as [string, object, Record<string, string>?][])(
    'an image at %s is not kept in memory once Ollama has it (hazard 81)',
    async (path, body, headers = {}) => {
      const model = upstream.script(thenSilent(1))
      const ask = async (count: number) => {
        const readers = Array.from({ length: count }, () => read(server, { path, body: { model, ...body }, headers }))
        for (const reader of readers) await reader.until((text) => text.includes('token'))
      }
      await ask(2)
      const before = await server.usedHeap()
      await ask(streams)
      expect(((await server.usedHeap()) - before) / streams).toBeLessThan(maxBytes)
    },
  )
})
