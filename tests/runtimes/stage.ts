import { afterAll, beforeAll, expect, vi } from 'vitest'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startServer, toRuntime, type Server, type ServerName } from './server.ts'

/** A scripted Ollama, and Sluice in front of it. */
export interface Stage {
  readonly upstream: Upstream
  readonly server: Server
}

/**
 * Starts Ollama and Sluice for the tests of a `describe`, and stops them afterwards. The stage is
 * ready from the first test on.
 */
export function useStage(name: ServerName, env: Readonly<Record<string, string>> = {}): Stage {
  const stage: { upstream?: Upstream; server?: Server } = {}
  beforeAll(async () => {
    stage.upstream = await startUpstream()
    stage.server = await startServer(name, { OLLAMA_HOST: stage.upstream.url, SLUICE_LOG: 'silent', ...env })
    // A process looks for Ollama once it listens, except on Workers, which have no start. The tests
    // count requests from then on.
    if (toRuntime(name) !== 'worker') await vi.waitUntil(() => stage.upstream!.requests.length === 1)
  })
  afterAll(async () => {
    await stage.server?.stop()
    expect(stage.upstream?.strangers, 'what the upstream was asked beside its routes').toEqual([])
    await stage.upstream?.close()
  })
  return stage as Stage
}

/** Runs `step` and returns the number of requests that reached the upstream meanwhile. */
export async function countRequests({ upstream }: Stage, step: () => Promise<unknown>): Promise<number> {
  const before = upstream.requests.length
  await step()
  return upstream.requests.length - before
}
