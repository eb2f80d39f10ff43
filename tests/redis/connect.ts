import * as driver from '@redis/client'
import { parseConfig } from '../../src/config/parse-config.ts'
import { connectRedis, type RedisConnection } from '../../src/runtimes/redis.ts'

/** Connects to a Redis as a server does. */
export function connect(url: string): Promise<RedisConnection> {
  return connectRedis({ driver, address: parseConfig({ SLUICE_REDIS_URL: url }).store.redis!, write() {} })
}
