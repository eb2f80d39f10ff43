import { expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { framings, generate, readAll } from '../runtimes/reader.ts'
import { startServer } from '../runtimes/server.ts'

const streams = 9000
const atOnce = 50

test('9,000 streams leave nothing behind in 128 MB on Node (hazard 37)', async () => {
  const upstream = await startUpstream()
  // A leaked listener on a request's signal keeps 20 to 27 KB in memory. If each of the 9,000
  // requests leaked one, this heap would be too small.
  const server = await startServer('node', { OLLAMA_HOST: upstream.url, NODE_OPTIONS: '--max-old-space-size=128' })
  try {
    const model = upstream.script(tokens({ count: 3 }))
    let asked = 0
    const statuses = new Set<number>()
    const askOneByOne = async () => {
      while (asked < streams) {
        const { status } = await readAll(generate(server, framings[asked++ % framings.length]!, model))
        statuses.add(status)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, askOneByOne))
    expect([...statuses]).toEqual([200])
    expect(server.output()).not.toContain('heap out of memory')
  } finally {
    await server.stop()
    await upstream.close()
  }
})
