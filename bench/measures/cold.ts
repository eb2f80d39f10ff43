import type { Measure, Measured } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'

const STARTS = 7

/**
 * Measures the time from the start of the process to a reader's first token. The bundle for workerd
 * is made beforehand.
 */
export const cold: Measure = {
  name: 'cold',
  title: `cold start to the first token; medians of ${STARTS} interleaved starts`,
  columns: [{ key: 'ms', title: 'ms', hasRatio: true }],
  rows: ['pipe', 'olla', 'sluice-node', 'package-node', 'sluice-bun', 'sluice-deno', 'sluice-worker'],
  async run(lab, names) {
    const rows = names.map((name) => ({ name, rounds: lab.rounds(), times: [] as number[] }))
    for (let start = 0; start < STARTS; start++) {
      for (const { name, rounds, times } of rows) {
        const coldMs = await rounds.run(() => lab.withRow(name, {}, ({ coldMs: ms }) => Promise.resolve(ms)))
        if (coldMs !== undefined) times.push(coldMs)
      }
    }
    const measured: Measured = {}
    for (const { name, rounds, times } of rows)
      if (times.length > 0) measured[name] = { ms: percentile(times, 50), ...rounds.figures() }
    return measured
  },
}
