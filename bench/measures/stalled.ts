import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../clock.ts'
import type { Lab } from '../lab.ts'
import type { Measure, Measured } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import { rssKbOf } from '../../tests/lab/process-stats.ts'
import type { RunningRow } from '../rows/running-row.ts'

const READERS = 100
const WARM_MS = 2_000
const SETTLE_MS = 1_000
const WATCH_MS = 10_000
const STEP_MS = 500
/**
 * This limit is longer than the time in which memory is watched, so no reader is disconnected in
 * that time.
 */
const STALL_LIMIT_MS = 12_000
/**
 * All readers must be disconnected within the stall limit plus this time. The time of the stall
 * limit starts only when the kernel's buffers are full. On a busy machine, workerd needs 7 s to
 * fill the buffers of all readers.
 */
const FILL_MS = 15_000
/** After this time memory must not grow any more. */
const FIRST_SECONDS = 6

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
  const warm = await lab.read(server, 'wide', READERS)
  await sleep(WARM_MS)
  await warm.close()
  await warm.closedAtUpstream(3_000)
  await sleep(SETTLE_MS)
  const beforeMb = rssKbOf(...server.pids) / 1024

  const startMs = nowMs()
  const crowd = await lab.read(server, 'wide', READERS, { headOnly: true })
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
 * upstream sends without end. Memory must not grow, and no reader may occupy a GPU for ever.
 */
export const stalled: Measure = {
  name: 'stalled',
  title: `${READERS} stalled readers on endless flat-out streams for ${WATCH_MS / 1000} s after a warm-up, stall limit ${STALL_LIMIT_MS / 1000} s; one round`,
  columns: [
    { key: 'grown', title: 'RSS growth MB', digits: 1 },
    { key: 'late', title: `of it after ${FIRST_SECONDS} s`, digits: 1 },
    { key: 'cut', title: 'cut at the upstream' },
    { key: 'broken', title: 'broken for the reader' },
    { key: 'clean', title: 'clean for it' },
    { key: 'firstCut', title: 'first cut s', digits: 1 },
    { key: 'lastCut', title: 'last cut s', digits: 1 },
  ],
  rows: ['sluice-node', 'sluice-bun', 'sluice-worker', 'against'],
  async run(lab, names) {
    const measured: Measured = {}
    for (const name of names) {
      const figures = await lab.withRow(name, { environment: { SLUICE_STALL_TIMEOUT_MS: String(STALL_LIMIT_MS) } }, (server) =>
        measureServer(lab, server),
      )
      if (figures) measured[name] = figures
    }
    return measured
  },
}
