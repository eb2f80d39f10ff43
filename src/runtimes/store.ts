import process from 'node:process'
import type { AppOptions } from '../app.ts'
import type { Config } from '../config/parse-config.ts'
import { createMemoryLimits } from '../middleware/memory-limits.ts'
import { createRedisLimits } from '../store/redis/limits.ts'
import { createSharedRuns } from '../store/redis/shared-runs.ts'
import { connectRedis } from './redis.ts'
import { RefusalError } from './redis/problem.ts'
import { sha256OfNode } from './sha256.ts'

/**
 * Returns what several processes know together. Empty if no store is configured: then each process
 * knows only its own streams and limits. If the store does not accept us, prints why and ends the
 * process with status 1.
 */
export async function openStore({ store, resume }: Config): Promise<Pick<AppOptions, 'store' | 'shared' | 'limits'>> {
  if (!store.redis) return {}
  const driver = await import('@redis/client').catch(() =>
    refuse('this copy of Sluice has no Redis client; npm ci installs it'),
  )
  try {
    const redis = await connectRedis({ driver, address: store.redis, write: console.error })
    const now = () => performance.now()
    const { leaseMs } = store
    const limits = createRedisLimits({ redis, memory: createMemoryLimits({ now }), sha256: sha256OfNode, leaseMs, now })
    const shared = createSharedRuns({
      redis,
      leaseMs,
      runBytes: resume.runBytes,
      keepMs: resume.keepSeconds * 1000,
      now,
    })
    return { store: redis, limits, shared }
  } catch (error) {
    if (error instanceof RefusalError) refuse(`Redis cannot be used: ${error.message}`)
    throw error
  }
}

function refuse(reason: string): never {
  console.error(`Cannot start: SLUICE_REDIS_URL: ${reason}`)
  process.exit(1)
}
