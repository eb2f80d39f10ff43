import { expect, test } from 'vitest'
import { sse } from '../../../src/encoders/sse.ts'
import { keys } from '../../../src/store/redis/keys.ts'
import { createOwnRuns } from '../../../src/store/redis/own-runs.ts'
import { createMemoryLogs } from '../../../src/streams/memory-log.ts'
import type { OwnRun } from '../../../src/streams/runs.ts'
import { createFakeRedis } from './fake-redis.ts'

test('a run that is renewed while its end is on its way is kept as long as every finished run', async () => {
  const sent: (readonly string[])[] = []
  const redis = createFakeRedis((command) => {
    sent.push(command)
    return 'ok'
  })
  const own = createOwnRuns({ redis, process: 'a', leaseMs: 10_000, runBytes: 1e6, keepMs: 300_000, now: () => 0 })
  const log = createMemoryLogs({ runBytes: 1e6, totalBytes: 1e6 }).create()
  const request: OwnRun['request'] = { owner: '', caller: '', requestId: 'id', encoder: sse, graceMs: 30_000 }
  let state: OwnRun['state'] = 'attached'
  const run: Partial<OwnRun> = {
    log,
    request,
    get state() {
      return state
    },
  }

  await own.publish(run as OwnRun)
  state = 'finished'
  log.close()
  own.look()
  await own.flush()
  const lives = sent.filter(([name, key]) => name === 'PEXPIRE' && key === keys.run(log.id, '')).map(([, , ms]) => ms)
  expect(lives).toEqual(['360000', '300000'])
})
