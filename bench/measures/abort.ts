import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { measureEach } from '../measure-each.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import type { RunningRow } from '../rows/running-row.ts'
import type { Mode } from '../upstream/question.ts'

const READERS = 1_000
const AT_ONCE = 100
/**
 * The time between the disconnects of two readers. It is so long that one pause of a shared machine
 * affects less than 1 % of the readers.
 */
const SPACING_MS = 4
const LIMIT_MS = 3_000
/**
 * The default interval of heartbeats on workerd. There only a failed heartbeat shows that a reader
 * has disconnected (docs/hazards.md#11). So the limit of the latency includes this interval.
 */
export const WORKER_HEARTBEAT_MS = 1_000

/**
 * Returns, for each reader, the milliseconds from the destruction of its socket until the upstream
 * sees the close. A reader is left out if the upstream never saw the close.
 */
async function measureLeaving(lab: Lab, server: RunningRow, mode: Mode, readers: number): Promise<number[]> {
  const latencies: number[] = []
  for (let done = 0; done < readers; done += AT_ONCE) {
    const crowd = await lab.read(server, mode, AT_ONCE)
    await crowd.openAtUpstream(LIMIT_MS)
    if (mode === 'idle') await crowd.waitFirst(LIMIT_MS)
    const departures = await crowd.leave(SPACING_MS)
    const closedMs = new Map(await crowd.closedAtUpstream(LIMIT_MS))
    latencies.push(...departures.flatMap(([seed, atMs]) => (closedMs.get(seed) ?? NaN) - atMs).filter(Number.isFinite))
    await crowd.close()
  }
  return latencies
}

async function measureServer(lab: Lab, server: RunningRow): Promise<Record<string, number>> {
  const readers = server.runtime === 'worker' ? AT_ONCE : READERS
  const figures: Record<string, number> = {}
  for (const [phase, mode] of [
    ['before', 'silent'],
    ['after', 'idle'],
  ] as const) {
    const latencies = await measureLeaving(lab, server, mode, readers)
    figures[`${phase}P50`] = percentile(latencies, 50)
    figures[`${phase}P99`] = percentile(latencies, 99)
    figures[`${phase}Max`] = percentile(latencies, 100)
    figures[`${phase}Missed`] = readers - latencies.length
  }
  return figures
}

/**
 * Measures how soon the upstream sees that a reader has disconnected. Only then can Ollama stop the
 * GPU. The upstream is silent, so no failed write of a token can show that the reader has
 * disconnected.
 */
export const abort: Measure = {
  name: 'abort',
  title: `leaving: reader destroys its socket → upstream sees the close; ${READERS} readers before, ${READERS} after the first token (workerd: ${AT_ONCE} each)`,
  columns: ['before', 'after'].flatMap((phase) => [
    { key: `${phase}P50`, title: `${phase} p50 ms`, digits: 1 },
    { key: `${phase}P99`, title: `${phase} p99 ms`, digits: 1 },
    { key: `${phase}Max`, title: `${phase} max ms`, digits: 1 },
    { key: `${phase}Missed`, title: `${phase} missed` },
  ]),
  rows: ['pipe', 'olla', 'sluice-node', 'sluice-bun', 'sluice-worker', 'against'],
  run: (lab, names) => measureEach(lab, names, {}, (server) => measureServer(lab, server)),
}
