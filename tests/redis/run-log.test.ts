import { afterAll, beforeAll } from 'vitest'
import { sse } from '../../src/encoders/sse.ts'
import { createOwnRuns, type OwnRuns } from '../../src/store/redis/own-runs.ts'
import { createRemoteLogs, type RemoteLogs } from '../../src/store/redis/remote-logs.ts'
import type { RedisConnection } from '../../src/runtimes/redis.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import type { RunLog } from '../../src/streams/run-log.ts'
import type { OwnRun } from '../../src/streams/runs.ts'
import { runLogContract } from '../contracts/run-log.ts'

import { connect } from './connect.ts'
import { startRedis, type RedisServer } from './redis-server.ts'

let server: RedisServer
let redis: RedisConnection
let own: OwnRuns
let others: RemoteLogs
const options = { leaseMs: 10_000, runBytes: 100_000_000, keepMs: 60_000, now: () => performance.now() }
const memory = createMemoryLogs({ runBytes: 100_000_000, totalBytes: 1_000_000_000 })

beforeAll(async () => {
  server = await startRedis()
  redis = await connect(server.url)
  own = createOwnRuns({ ...options, redis, process: 'own' })
  others = createRemoteLogs({ ...options, redis, isAlive: async () => true })
})
afterAll(async () => {
  redis.close()
  await server.stop()
})

/** A run whose log is written at one process and read at another one. */
function createShared(): RunLog {
  const log = memory.create()
  let state: OwnRun['state'] = 'attached'
  const run = {
    log,
    request: { owner: 'alice', caller: 'alice', requestId: 'r', encoder: sse, graceMs: 1000 },
    get state() {
      return state
    },
    join: () => () => {},
  } as unknown as OwnRun
  void own.publish(run)
  const remote = others.open({ id: log.id, process: 'own', ending: '', name: 'name', keepMs: 1000 })
  log.onMore(() => void own.flush().then(() => others.ring(log.id)))
  return {
    ...log,
    close() {
      log.close()
      state = 'finished'
    },
    erase() {
      void own.forget(run)
      log.erase()
    },
    async read(after) {
      await own.flush()
      return remote.read(after)
    },
    async newest() {
      await own.flush()
      return remote.newest()
    },
    onMore: remote.onMore,
  }
}

runLogContract('Redis, read at another process', { create: () => ({ create: createShared }) })
