import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { flatOut, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { generate, readAll } from './reader.ts'
import { startServer, type RuntimeName } from './server.ts'

const count = 20

test.each(['node', 'bun', 'worker'] as const satisfies readonly RuntimeName[])(
  'F25: %s closes the connections of readers that never read',
  { timeout: 40_000 },
  async (runtime) => {
    const upstream = await startUpstream()
    const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, SLUICE_STALL_TIMEOUT_MS: '500' })
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length
    try {
      // One, so that all is loaded; many would still be on their way out, and count.
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
      // workerd keeps a socket that it cannot write to until its reader reads or goes: in front of it that is Cloudflare's to end.
      if (runtime !== 'worker') await expect.poll(descriptors, { timeout: 10_000 }).toBeLessThanOrEqual(before)
      // As far as the readers know, all goes on: they have not read that it does not.
      expect(readers.map(({ isEnded }) => isEnded)).toEqual(Array(count).fill(false))
      for (const reader of readers) reader.leave()
      await expect.poll(descriptors, { timeout: 10_000 }).toBeLessThanOrEqual(before)
    } finally {
      await server.stop()
      await upstream.close()
    }
  },
)
