import type { Measure, Measured } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'

const STARTS = 7

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
    const times = new Map(names.map((name) => [name, [] as number[]]))
    // The rows take turns, so that a slow minute of the machine slows them all.
    for (let start = 0; start < STARTS; start++) {
      for (const [name, of] of times) {
        const coldMs = await lab.withRow(name, {}, ({ coldMs: ms }) => Promise.resolve(ms))
        if (coldMs === undefined) times.delete(name)
        else of.push(coldMs)
      }
    }
    const measured: Measured = {}
    for (const [name, of] of times) measured[name] = { ms: percentile(of, 50) }
    return measured
  },
}
