import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { flatOut, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { generate, readAll } from './reader.ts'
import { startServer, type RuntimeName } from './server.ts'

const count = 20

test.each(['node', 'bun', 'deno', 'worker'] as const satisfies readonly RuntimeName[])(
  'F25: %s closes the connections of readers that never read',
  { timeout: 40_000 },
  async (runtime) => {
    const upstream = await startUpstream()
    const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, SLUICE_STALL_TIMEOUT_MS: '500' })
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length
    try {
      // During its first stream, the server opens every descriptor that it keeps. So the test
      // counts the descriptors after one stream. After more than one stream, the count could
      // include connections that are still closing.
      await readAll(generate(server, 'sse', upstream.script(tokens({ count: 2 }))))
      const before = descriptors()

      const model = upstream.script(flatOut({ linesPerChunk: 64 }))
      const readers = Array.from({ length: count }, () => generate(server, 'sse', model))
      for (const reader of readers) {
        await reader.until((text) => text.includes('token'))
        reader.pause()
      }
      expect(descriptors()).toBeGreaterThan(before + count)
      await expect.poll(() => upstream.open, { timeout: 15_000 }).toBe(0)
      // workerd keeps a socket whose reader does not read, until that reader reads or disconnects.
      // In production Cloudflare closes such sockets.
      if (runtime !== 'worker') await expect.poll(descriptors, { timeout: 10_000 }).toBeLessThanOrEqual(before)
      // The readers are still paused, so they have not seen the end of their streams.
      expect(readers.map(({ isEnded }) => isEnded)).toEqual(Array(count).fill(false))
      for (const reader of readers) reader.leave()
      await expect.poll(descriptors, { timeout: 10_000 }).toBeLessThanOrEqual(before)
    } finally {
      await server.stop()
      await upstream.close()
    }
  },
)
