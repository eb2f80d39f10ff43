import { afterAll, beforeAll, expect, vi } from 'vitest'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startServer, toRuntime, type Server, type ServerName } from './server.ts'

/** A scripted Ollama, and Sluice in front of it. */
export interface Stage {
  readonly upstream: Upstream
  readonly server: Server
}

/**
 * Starts the scripted Ollama and Sluice before the tests of a `describe`, and stops them
 * afterwards. The fields of the stage are set only when the first test runs.
 */
export function useStage(name: ServerName, env: Readonly<Record<string, string>> = {}): Stage {
  const stage: { upstream?: Upstream; server?: Server } = {}
  beforeAll(async () => {
    stage.upstream = await startUpstream()
    stage.server = await startServer(name, { OLLAMA_HOST: stage.upstream.url, SLUICE_LOG: 'silent', ...env })
    // On Node and Bun, Sluice sends one request to Ollama as soon as it listens. Tests count
    // requests, so this request must be over before they begin. A Worker sends no such request.
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
