import type { Measure, Measured } from '../measure.ts'
import { percentile } from '../percentile.ts'

const STREAMS = 50
const IN_TIME_MS = 2_000
const LIMIT_MS = 4_000

/** Whether a stream that always has data lets the others live: fifty of them start together, when does each get its first token? */
export const fairness: Measure = {
  name: 'fairness',
  title: `${STREAMS} endless flat-out streams at once: first token within ${IN_TIME_MS / 1000} s; one round`,
  columns: [
    { key: 'inTime', title: `of ${STREAMS} in time` },
    { key: 'p50', title: 'first token p50 ms' },
    { key: 'max', title: 'max ms' },
  ],
  rows: ['pipe', 'write-sse-node', 'sluice-node', 'sluice-bun', 'sluice-worker'],
  async run(lab, names) {
    const measured: Measured = {}
    for (const name of names) {
      const figures = await lab.withRow(name, {}, async (server) => {
        const crowd = await lab.read(server, 'flat', STREAMS, { spacingMs: 0 })
        const { firstsMs } = await crowd.waitFirst(LIMIT_MS)
        await crowd.close()
        const max = firstsMs.length === STREAMS ? Math.max(...firstsMs) : NaN
        return { inTime: firstsMs.filter((ms) => ms <= IN_TIME_MS).length, p50: percentile(firstsMs, 50), max }
      })
      if (figures) measured[name] = figures
    }
    return measured
  },
}
