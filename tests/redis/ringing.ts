import * as driver from '@redis/client'
import { parseConfig } from '../../src/config/parse-config.ts'
import { connectRedis } from '../../src/runtimes/redis.ts'

/**
 * A program for the runtime under test. It prints `connected` for each connection, and each message
 * of the channel `bell`. It answers each message with the command in it, and prints the reply.
 */
const { redis: address } = parseConfig({ SLUICE_REDIS_URL: process.argv[2] }).store
const redis = await connectRedis({ driver, address: address!, write: console.error })
redis.onConnected(() => console.log('connected'))
redis.subscribe('bell', (message) => {
  console.log(message)
  redis.send(...message.split(' ')).then(
    (reply) => console.log(JSON.stringify(reply)),
    (error: unknown) => console.log((error as Error).message),
  )
})
