import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { viaHttp } from '../../src/runtimes/node/via-http.ts'
import { startBlackHole, type BlackHole } from '../lab/black-hole.ts'
import { generate, readAll, readFailure } from './reader.ts'
import { startServer, type Server } from './server.ts'

/** A machine that sleeps. Windows and macOS refuse or reset where Linux says nothing. */
describe.runIf(process.platform === 'linux')('a connection that does not open', () => {
  let sleeping: BlackHole
  let awake: Upstream

  beforeAll(async () => {
    ;[sleeping, awake] = [await startBlackHole(), await startUpstream()]
  })
  afterAll(async () => {
    sleeping.close()
    await awake.close()
  })

  async function during<T>(
    env: Record<string, string>,
    runtime: 'node' | 'bun' | 'deno',
    step: (server: Server) => Promise<T>,
  ) {
    const server = await startServer(runtime, { SLUICE_CONNECT_TIMEOUT_MS: '400', ...env })
    try {
      return await step(server)
    } finally {
      await server.stop()
    }
  }

  test.each(['node', 'bun', 'deno'] as const)(
    'is upstream_unreachable after SLUICE_CONNECT_TIMEOUT_MS on %s',
    async (runtime) => {
      await during({ OLLAMA_HOST: sleeping.url }, runtime, async (server) => {
        const startedAt = performance.now()
        expect(await readFailure(generate(server, 'ndjson', 'm'))).toMatchObject({ status: 502, code: 'upstream_unreachable' })
        expect(performance.now() - startedAt).toBeGreaterThan(390)
        expect(server.output()).toContain('ETIMEDOUT')
      })
    },
  )

  test.each(['node', 'bun', 'deno'] as const)('costs one of several hosts one request at most on %s', async (runtime) => {
    const model = awake.script(tokens({ count: 1 }), `awake-${runtime}`)
    const hosts = `sleeping=${sleeping.url},awake=${awake.url};tier=2`
    await during({ OLLAMA_HOSTS: hosts, SLUICE_LOG: 'json' }, runtime, async (server) => {
      for (let i = 0; i < 5; i++) expect(await readAll(generate(server, 'ndjson', model))).toMatchObject({ status: 200 })
      const logged = server
        .output()
        .split('\n')
        .filter((line) => line.includes('"ended"'))
      const failovers = logged.map((line) => (JSON.parse(line) as { failovers?: number }).failovers ?? 0)
      expect(failovers.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1)
    })
  })

  test('is also limited by node:http', async () => {
    const request = { method: 'GET', url: sleeping.url, headers: {} } as const
    const asked = viaHttp({ connectTimeoutMs: 200 })(request, new AbortController().signal)
    await expect(asked).rejects.toMatchObject({ code: 'upstream_unreachable', cause: { code: 'ETIMEDOUT' } })
  })
})
