import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { measureEach } from '../measure-each.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import type { RunningRow } from '../rows/running-row.ts'

const STREAMS = 50
const IN_TIME_MS = 2_000
const NEWCOMERS = 10
const LIMIT_MS = 4_000
const WINDOW_MS = 5_000

async function measureServer(lab: Lab, server: RunningRow): Promise<Record<string, number>> {
  const crowd = await lab.read(server, 'flat', STREAMS, { spacingMs: 0 })
  const { firstsMs } = await crowd.waitFirst(LIMIT_MS)

  const newcomersMs: number[] = []
  for (let i = 0; i < NEWCOMERS; i++) {
    const newcomer = await lab.read(server, 'paced', 1, { apart: true })
    const { firstsMs: newcomerFirstsMs } = await newcomer.waitFirst(LIMIT_MS)
    newcomersMs.push(newcomerFirstsMs[0] ?? NaN)
    await newcomer.close()
  }

  const paced = await lab.read(server, 'paced', 1, { apart: true })
  await paced.waitFirst(LIMIT_MS)
  const { gapsMs } = await paced.sample(WINDOW_MS)
  await paced.close()
  await crowd.close()
  return {
    inTime: firstsMs.filter((ms) => ms <= IN_TIME_MS).length,
    first: firstsMs.length === STREAMS ? Math.max(...firstsMs) : NaN,
    newcomer: Math.max(...newcomersMs),
    gapP50: percentile(gapsMs, 50),
    gapP99: percentile(gapsMs, 99),
  }
}

/**
 * Measures whether streams that always have data starve other streams. It measures the time to the
 * first token of the endless streams and of new streams, and the gaps between the tokens of a paced
 * stream.
 */
export const fairness: Measure = {
  name: 'fairness',
  title:
    `${STREAMS} endless flat-out streams at once: first token within ${IN_TIME_MS / 1000} s; meanwhile the first token of ${NEWCOMERS} newcomers, ` +
    `one after the other, and the gaps of a paced stream (20 ms) over ${WINDOW_MS / 1000} s; one round`,
  columns: [
    { key: 'inTime', title: `of ${STREAMS} in time` },
    { key: 'first', title: 'max ms' },
    { key: 'newcomer', title: 'newcomer max ms' },
    { key: 'gapP50', title: 'gap p50 ms', digits: 1 },
    { key: 'gapP99', title: 'gap p99 ms', digits: 1 },
  ],
  rows: ['pipe', 'olla', 'write-sse-node', 'sluice-node', 'sluice-bun', 'sluice-worker', 'against'],
  run: (lab, names) => measureEach(lab, names, {}, (server) => measureServer(lab, server)),
}
