import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../tests/lab/percentile.ts'
import { startRedis, type RedisServer } from '../../tests/redis/redis-server.ts'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { measurePaced, STREAMS } from '../measure-paced.ts'
import type { RowName } from '../rows/rows.ts'
import type { RunningRow } from '../rows/running-row.ts'

const ROUNDS = 5
const IDLE_STREAMS = 5_000
/** As in `crowd`: the first heartbeats cost more. */
const REST_MS = 20_000
const WINDOW_MS = 30_000
const LIMIT_MS = 20_000
const asked = ['Prefer: resume=1']
const settings = { SLUICE_MAX_STREAMS: '20000' }

/** The same Sluice without Redis, and with it. */
interface Two {
  readonly alone: RunningRow
  readonly shared: RunningRow
  readonly redis: RedisServer
}

/** CPU of a paced token in microseconds, medians of rounds that take turns. */
async function measureTokens(lab: Lab, { alone, shared }: Two): Promise<Record<string, number>> {
  const kinds = {
    alone: () => measurePaced(lab, alone, []),
    shared: () => measurePaced(lab, shared, []),
    aloneAsked: () => measurePaced(lab, alone, asked),
    sharedAsked: () => measurePaced(lab, shared, asked),
  }
  const rounds: Record<keyof typeof kinds, number>[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const costs = {
      alone: await kinds.alone(),
      shared: await kinds.shared(),
      aloneAsked: await kinds.aloneAsked(),
      sharedAsked: await kinds.sharedAsked(),
    }
    if (round >= 0) rounds.push(costs) // the first one warms up
  }
  const median = (of: (costs: (typeof rounds)[number]) => number) => percentile(rounds.map(of), 50)
  return {
    alone: median((costs) => costs.alone),
    sharedRatio: median((costs) => costs.shared / costs.alone),
    aloneAsked: median((costs) => costs.aloneAsked),
    askedRatio: median((costs) => costs.sharedAsked / costs.aloneAsked),
  }
}

/** CPU of idle resumable streams, in milliseconds a second. */
async function measureIdle(lab: Lab, server: RunningRow): Promise<number> {
  const target = { ...server.target, headers: asked }
  const crowd = await lab.read({ ...server, target }, 'idle', IDLE_STREAMS)
  const { firstsMs } = await crowd.waitFirst(LIMIT_MS)
  if (firstsMs.length !== IDLE_STREAMS) throw new Error(`Cannot measure: only ${firstsMs.length} streams have begun`)
  await sleep(REST_MS)
  const { cpuMs, ms } = await crowd.sample(WINDOW_MS)
  await crowd.close()
  await crowd.closedAtUpstream(LIMIT_MS)
  return (cpuMs * 1000) / ms
}

async function measureBoth(lab: Lab, two: Two): Promise<Record<string, number>> {
  const tokens = await measureTokens(lab, two)
  const aloneIdle = await measureIdle(lab, two.alone)
  const sharedIdle = await measureIdle(lab, two.shared)
  const clients = String(await two.redis.command('CLIENT', 'LIST'))
    .trim()
    .split('\n')
  return {
    ...tokens,
    aloneIdle,
    addedIdle: sharedIdle - aloneIdle,
    connections: clients.filter((client) => !client.includes('cmd=client')).length,
  }
}

/** Measures what sharing runs over Redis costs a token and an idle stream. */
export const redis: Measure = {
  name: 'redis',
  title:
    `the same server without and with SLUICE_REDIS_URL: paced tokens of ${STREAMS} streams, not asked for and with Prefer: resume, ${ROUNDS} alternating rounds; ` +
    `${IDLE_STREAMS} idle resumable streams over ${WINDOW_MS / 1000} s`,
  settings,
  columns: [
    { key: 'alone', title: 'not asked, without µs/token', digits: 1 },
    { key: 'sharedRatio', title: 'not asked, with ÷ without', digits: 2 },
    { key: 'aloneAsked', title: 'asked, without µs/token', digits: 1 },
    { key: 'askedRatio', title: 'asked, with ÷ without', digits: 2 },
    { key: 'aloneIdle', title: 'idle, without ms/s', digits: 1 },
    { key: 'addedIdle', title: 'idle, added by Redis ms/s', digits: 1 },
    { key: 'connections', title: 'connections' },
  ],
  rows: ['sluice-node', 'sluice-bun'],
  async run(lab, names) {
    const measured: Partial<Record<RowName, Record<string, number>>> = {}
    for (const name of names) {
      const redis = await startRedis()
      const rounds = lab.rounds()
      const figures = await rounds.run(() =>
        lab.withRow(name, { environment: settings }, (alone) =>
          lab.withRow(name, { environment: { ...settings, SLUICE_REDIS_URL: redis.url } }, (shared) =>
            measureBoth(lab, { alone, shared, redis }),
          ),
        ),
      )
      if (figures) measured[name] = { ...figures, ...rounds.figures() }
      await redis.stop()
    }
    return measured
  },
}
