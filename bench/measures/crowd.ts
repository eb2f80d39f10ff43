import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { measureEach } from '../measure-each.ts'
import { cpuMsOf, rssKbOf } from '../../tests/lab/process-stats.ts'
import type { RowName } from '../rows/rows.ts'
import type { RunningRow } from '../rows/running-row.ts'

/**
 * The number of streams that one process with a limit of 20,000 descriptors can have. Each stream
 * needs two descriptors (docs/hazards.md#28).
 */
const STREAMS = 9_000
/** workerd needs four descriptors per stream, and crashes when none is free. */
const STREAMS_BY_ROW: Partial<Record<RowName, number>> = { 'sluice-worker': 4_500 }
/** The CPU is measured while this many streams are idle. */
const IDLE_STREAMS = 5_000
const WARM_STREAMS = 50
const SETTLE_MS = 1_500
/**
 * The engines collect the garbage of the opening only when the first heartbeats need memory. On
 * Node that takes 0.4 s of CPU, once. So the measurement of idle streams starts after the first
 * heartbeat of each stream, and some seconds for the collection.
 */
const REST_MS = 20_000
/**
 * A whole number of the intervals between heartbeats, which are 15 s by default and 1 s on workerd.
 * So each stream sends the same number of heartbeats in this time, whenever it was opened.
 */
const WINDOW_MS = 30_000
const LIMIT_MS = 20_000
/** The default of 1,000 would refuse the other streams. */
const settings = { SLUICE_MAX_STREAMS: '20000' }

async function measureServer(lab: Lab, server: RunningRow): Promise<Record<string, number>> {
  const streams = STREAMS_BY_ROW[server.name] ?? STREAMS
  const warm = await lab.read(server, 'idle', WARM_STREAMS)
  await warm.waitFirst(LIMIT_MS)
  await warm.close()
  await warm.closedAtUpstream(LIMIT_MS)
  const emptyMb = await server.usedHeapMb()
  await sleep(SETTLE_MS)
  const emptyKb = rssKbOf(...server.pids)

  const idle = await lab.read(server, 'idle', Math.min(streams, IDLE_STREAMS))
  await idle.waitFirst(LIMIT_MS)
  await sleep(REST_MS)
  const { cpuMs, ms } = await idle.sample(WINDOW_MS)
  const crowds = [idle, await lab.read(server, 'idle', Math.max(0, streams - IDLE_STREAMS))]
  for (const crowd of crowds) await crowd.waitFirst(LIMIT_MS)
  await sleep(SETTLE_MS)
  const loadedKb = rssKbOf(...server.pids)

  const beforeMs = cpuMsOf(...server.pids)
  const sentMs = await Promise.all(crowds.map((crowd) => crowd.sendTokens()))
  const got = await Promise.all(crowds.map((crowd) => crowd.waitTokens(2, LIMIT_MS)))
  const burstMs = cpuMsOf(...server.pids) - beforeMs
  const served = got.reduce((sum, { readers }) => sum + readers, 0)

  for (const crowd of crowds) await crowd.leave(0.2)
  const closed = await Promise.all(crowds.map((crowd) => crowd.closedAtUpstream(LIMIT_MS)))
  for (const crowd of crowds) await crowd.close()
  await sleep(SETTLE_MS)
  return {
    streams,
    failed: streams - served,
    idle: (cpuMs * 1000) / ms,
    rss: (loadedKb - emptyKb) / streams,
    lastMs: Math.max(...got.map(({ lastMs }) => lastMs)) - Math.min(...sentMs),
    cpu: (burstMs * 1000) / served,
    missed: streams - closed.flat().length,
    heap: (await server.usedHeapMb()) - emptyMb,
  }
}

/**
 * Measures the cost of as many open streams as one process can have. Each stream gets one token,
 * and then the upstream is silent. Later all streams get one more token together, and then all
 * readers disconnect.
 */
export const crowd: Measure = {
  name: 'crowd',
  title:
    `${STREAMS} open streams: CPU of the first ${IDLE_STREAMS} while idle, with the default heartbeats, over ${WINDOW_MS / 1000} s; RSS growth; ` +
    'then one token to each at once; then all leave; one round; Node and Bun with a probe of the heap',
  settings,
  columns: [
    { key: 'streams', title: 'streams' },
    { key: 'failed', title: 'failed' },
    { key: 'idle', title: 'idle CPU ms/s', digits: 1 },
    { key: 'rss', title: 'RSS KB/stream', digits: 1, hasRatio: true },
    { key: 'lastMs', title: 'all have it ms' },
    { key: 'cpu', title: 'CPU µs/token', digits: 1, hasRatio: true },
    { key: 'missed', title: 'missed leaving' },
    { key: 'heap', title: 'heap left MB', digits: 1 },
  ],
  rows: ['pipe', 'sluice-node', 'sluice-bun', 'sluice-worker', 'against'],
  run: (lab, names) =>
    measureEach(lab, names, { environment: settings, tellsHeap: true }, (server) => measureServer(lab, server)),
}
