import type { Measure, Measured } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'

const STARTS = 5

/**
 * Measures the time from the start of the process to a reader's first token. The bundle for workerd
 * is made beforehand.
 */
export const cold: Measure = {
  name: 'cold',
  title: `cold start to the first token; median of ${STARTS}`,
  columns: [{ key: 'ms', title: 'ms', hasRatio: true }],
  rows: ['pipe', 'sluice-node', 'sluice-bun', 'sluice-worker'],
  async run(lab, names) {
    const measured: Measured = {}
    for (const name of names) {
      const times: number[] = []
      for (let start = 0; start < STARTS; start++) {
        const coldMs = await lab.withRow(name, {}, ({ coldMs: ms }) => Promise.resolve(ms))
        if (coldMs === undefined) break
        times.push(coldMs)
      }
      if (times.length > 0) measured[name] = { ms: percentile(times, 50) }
    }
    return measured
  },
}
