import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../clock.ts'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { measureEach } from '../measure-each.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import { rssKbOf } from '../../tests/lab/process-stats.ts'
import type { RunningRow } from '../rows/running-row.ts'

const READERS = 50
/** Memory is watched for a time in which no reader is cut, because the stall limit is longer. */
const WATCH_MS = 20_000
const STEP_MS = 500
/** After this time memory must not grow any more. */
const FIRST_SECONDS = 10
/** The default of SLUICE_STALL_TIMEOUT_MS. */
const STALL_LIMIT_MS = 30_000
/**
 * All readers must be cut within the stall limit plus this time. The time of the stall limit starts
 * only when the kernel's buffers are full. With lines of one token, workerd needs half a minute to
 * fill them.
 */
const FILL_MS = 60_000

/** Samples the RSS in MB, every half second. */
async function watchMb(server: RunningRow): Promise<number[]> {
  const samples: number[] = []
  for (let ms = 0; ms < WATCH_MS; ms += STEP_MS) {
    await sleep(STEP_MS)
    samples.push(rssKbOf(...server.pids) / 1024)
  }
  return samples
}

async function measureServer(lab: Lab, server: RunningRow): Promise<Record<string, number>> {
  const beforeMb = rssKbOf(...server.pids) / 1024

  const startMs = nowMs()
  const crowd = await lab.read(server, 'flat', READERS, { headOnly: true })
  const samples = await watchMb(server)
  const early = samples[(FIRST_SECONDS * 1000) / STEP_MS - 1] ?? NaN
  const figures = { grown: Math.max(...samples) - beforeMb, late: (samples.at(-1) ?? NaN) - early }
  if (!server.name.startsWith('sluice')) return (await crowd.close(), figures)

  const closed = await crowd.closedAtUpstream(STALL_LIMIT_MS + FILL_MS - (nowMs() - startMs))
  await crowd.resume()
  const { broken, clean } = await crowd.waitEnded(5_000)
  await crowd.close()
  const times = closed.map(([, atMs]) => (atMs - startMs) / 1000)
  return { ...figures, cut: closed.length, broken, clean, firstCut: percentile(times, 0), lastCut: percentile(times, 100) }
}

/**
 * Measures the cost of readers that read the head of the response and then nothing, while the
 * upstream sends lines of one token without end. The server is fresh: it has relayed one short
 * stream before. Memory must not grow, and no reader may occupy a GPU for ever.
 */
export const stalled: Measure = {
  name: 'stalled',
  title: `${READERS} stalled readers of a fresh server on endless flat-out streams, lines of one token, for ${WATCH_MS / 1000} s; then until the default stall limit of ${STALL_LIMIT_MS / 1000} s has cut them; one round`,
  columns: [
    { key: 'grown', title: 'RSS growth MB', digits: 1 },
    { key: 'late', title: `of it after ${FIRST_SECONDS} s`, digits: 1 },
    { key: 'cut', title: 'cut at the upstream' },
    { key: 'broken', title: 'broken for the reader' },
    { key: 'clean', title: 'clean for it' },
    { key: 'firstCut', title: 'first cut s', digits: 1 },
    { key: 'lastCut', title: 'last cut s', digits: 1 },
  ],
  rows: ['pipe', 'olla', 'sluice-node', 'sluice-bun', 'sluice-worker', 'against'],
  run: (lab, names) => measureEach(lab, names, {}, (server) => measureServer(lab, server)),
}
