import { faults } from '#fake-ollama/faults.ts'
import type { Fault } from '#fake-ollama/fault.ts'
import { flatOut, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis } from '../redis/redis-server.ts'
import { startServer, type RuntimeName, type Server } from '../runtimes/server.ts'
import type { Random } from '../random.ts'

/** The allowed outcomes of a request. */
export type Fate = 'done' | 'failed' | 'refused' | 'left' | 'cut'

/** The stall limit: how long a reader may read nothing. */
const stallMs = 1500

/** An Ollama with a model for each behaviour, and Sluice in front of it. */
export interface SoakStage {
  /** The process that is measured. */
  readonly server: Server
  /** All processes: two if they share a Redis, or else one. */
  readonly servers: readonly Server[]
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
  /** Kills Redis and starts it again after `downMs`. */
  restartStore(downMs: number): Promise<void>
  /** Whether Redis was not well at any time since `time`. False without a Redis. */
  wasStoreAwaySince(time: number): boolean
  /** Stops the processes. Returns the keys that Redis still has when all of them must be gone. */
  stop(): Promise<readonly string[]>
}

/** How long a process may be silent before the other one counts it as dead, in milliseconds. */
const leaseMs = 2000
/** How long a finished run is kept, in seconds. */
const keepSeconds = 1
/** Redis counts as well this long after it answers again, in milliseconds. */
const recoveryMs = leaseMs + 3000

export async function setStage(
  { runtime, redis: isShared }: { readonly runtime: RuntimeName; readonly redis: boolean },
  random: Random,
): Promise<SoakStage> {
  const upstream = await startUpstream()
  const redis = isShared ? await startRedis() : undefined
  const env = {
    OLLAMA_HOST: upstream.url,
    SLUICE_LOG: 'silent',
    SLUICE_STALL_TIMEOUT_MS: String(stallMs),
    SLUICE_FIRST_TOKEN_TIMEOUT_MS: '4000',
    SLUICE_IDLE_TIMEOUT_MS: '4000',
    SLUICE_HEARTBEAT_MS: '500',
    ...(redis && {
      SLUICE_REDIS_URL: redis.url,
      SLUICE_REDIS_LEASE_MS: String(leaseMs),
      SLUICE_RESUME_KEEP_SECONDS: String(keepSeconds),
      SLUICE_RESUME_MAX_DETACHED: '100',
    }),
  }
  const server = await startServer(runtime, env, { tellsHeap: true })
  const servers = redis ? [server, await startServer(runtime, env)] : [server]
  let backAt = -Infinity
  let storeBackAt = redis ? performance.now() : -Infinity
  return {
    server,
    servers,
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
    async restartStore(downMs) {
      storeBackAt = Infinity
      await redis?.kill()
      await sleep(downMs)
      await redis?.restart()
      storeBackAt = performance.now()
    },
    wasStoreAwaySince: (time) => redis !== undefined && storeBackAt + recoveryMs >= time,
    async stop() {
      if (!redis) {
        await server.stop()
        return []
      }
      for (const each of servers) each.signal('SIGTERM')
      await Promise.all(servers.map(({ exited }) => exited))
      const toKeys = async () => (await redis.command('KEYS', '*')) as string[]
      // An open run is kept for six leases longer than a finished one.
      const until = performance.now() + keepSeconds * 1000 + 6 * leaseMs + 1000
      while ((await toKeys()).length > 0 && performance.now() < until) await sleep(100)
      const left = await toKeys()
      await redis.stop()
      return left
    },
  }
}
