import type { Config } from '../../config/parse-config.ts'
import { connectRedis } from '../redis.ts'
import { RefusalError } from '../redis/problem.ts'
import { well, wrong, type Finding } from './finding.ts'

/** Looks whether Redis answers, and whether it lets Sluice do all that Sluice needs. */
export async function checkStore({ store: { redis: address } }: Config): Promise<readonly Finding[]> {
  if (!address) return [well('store', 'none: each process knows only its own answers and limits')]
  const driver = await import('@redis/client').catch(() => undefined)
  if (!driver) return [wrong('store', 'SLUICE_REDIS_URL: this copy of Sluice has no Redis client; npm ci installs it')]
  const lines: string[] = []
  try {
    const redis = await connectRedis({ driver, address, write: (line) => lines.push(line) })
    const { isReady } = redis
    redis.close()
    if (isReady) return [well('store', `Redis at ${address.host}, port ${address.port}`)]
    return [wrong('store', `${lines.join('; ')}; start it, or change SLUICE_REDIS_URL`)]
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error
    return [wrong('store', `SLUICE_REDIS_URL: Redis cannot be used: ${error.message}`)]
  }
}
