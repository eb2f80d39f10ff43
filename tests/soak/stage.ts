import { faults } from '#fake-ollama/faults.ts'
import type { Fault } from '#fake-ollama/fault.ts'
import { flatOut, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startServer, type RuntimeName, type Server } from '../runtimes/server.ts'
import type { Random } from '../random.ts'

/** The stall limit: how long a reader may read nothing. */
const stallMs = 1500

/** An Ollama with a model for each behaviour, and Sluice in front of it. */
export interface SoakStage {
  readonly server: Server
  readonly upstream: Upstream
  readonly models: {
    /** Sends some tokens as fast as the reader reads. */
    readonly quick: string
    /** Sends some tokens within about a second. */
    readonly paced: string
    /** Sends one token and nothing more. */
    readonly silent: string
    /** Sends tokens for ever. */
    readonly endless: string
  }
  readonly faults: readonly { readonly model: string; readonly fault: Fault }[]
  readonly random: Random
  /** Kills the upstream and starts it again after `downMs`. */
  restart(downMs: number): Promise<void>
  /** Whether the upstream was stopped at any time since `time` (`performance.now()`). */
  wasAwaySince(time: number): boolean
}

export async function setStage(runtime: RuntimeName, random: Random): Promise<SoakStage> {
  const upstream = await startUpstream()
  const env = {
    OLLAMA_HOST: upstream.url,
    SLUICE_LOG: 'silent',
    SLUICE_STALL_TIMEOUT_MS: String(stallMs),
    SLUICE_FIRST_TOKEN_TIMEOUT_MS: '4000',
    SLUICE_IDLE_TIMEOUT_MS: '4000',
    SLUICE_HEARTBEAT_MS: '500',
  }
  const server = await startServer(runtime, env, { tellsHeap: true })
  let backAt = -Infinity
  return {
    server,
    upstream,
    models: {
      quick: upstream.script(tokens({ count: 30 })),
      paced: upstream.script(tokens({ count: 40, perSecond: 50 })),
      silent: upstream.script(thenSilent(1)),
      endless: upstream.script(flatOut({ linesPerChunk: 50 })),
    },
    faults: faults.map((fault) => ({ model: upstream.script(fault.script), fault })),
    random,
    async restart(downMs) {
      backAt = Infinity
      await upstream.stop()
      await new Promise((resolve) => setTimeout(resolve, downMs))
      await upstream.start()
      backAt = performance.now()
    },
    // For a moment after a restart, Sluice may still use a connection that the old upstream has
    // closed (docs/faults.md#F20).
    wasAwaySince: (time) => backAt + 100 >= time,
  }
}
