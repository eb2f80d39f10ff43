import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { faults } from '#fake-ollama/faults.ts'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { generate, readAll, toTold } from './reader.ts'
import { startServer } from './server.ts'

const tellBlocks = fileURLToPath(new URL('../fixtures/tell-blocks.mjs', import.meta.url))

/** The environment variables that make a server report when its event loop is blocked. */
const preloads = {
  node: { NODE_OPTIONS: `--import=${tellBlocks}` },
  bun: { BUN_OPTIONS: `--preload=${tellBlocks}` },
} as const

const limitMs = 50
const huge = faults.filter(({ id, name }) => id === 'F12' || name === 'a gzip bomb')

// A busy machine can delay any process, so the test may be repeated.
test.each((['node', 'bun'] as const).flatMap((runtime) => huge.map((fault) => ({ runtime, ...fault }))))(
  '$id: $runtime is never blocked for more than 50 ms by $name, four at once',
  { retry: 3 },
  async ({ runtime, script }) => {
    const upstream = await startUpstream()
    const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, ...preloads[runtime] })
    try {
      // The first requests create the gzip bomb and compile the code, so that the measured requests
      // do not have to.
      for (const first of [tokens({ count: 100 }), script]) await readAll(generate(server, 'sse', upstream.script(first)))
      const before = server.errors().length
      const answers = Array.from({ length: 4 }, () => readAll(generate(server, 'ndjson', upstream.script(script))))
      for (const { status, text } of await Promise.all(answers)) {
        const code = status === 200 ? toTold('ndjson', text).failed?.code : (JSON.parse(text) as { code: string }).code
        expect(code).toMatch(/^(?:line_too_long|upstream_protocol)$/)
      }
      const blocks = server.errors().slice(before).match(/\d+/g) ?? []
      expect(Math.max(0, ...blocks.map(Number))).toBeLessThan(limitMs)
    } finally {
      await server.stop()
      await upstream.close()
    }
  },
)
