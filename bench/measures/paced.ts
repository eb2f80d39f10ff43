import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import type { RunningRow } from '../rows/running-row.ts'

const STREAMS = 100
const ROUNDS = 5
const WARM_MS = 1_000
/**
 * The length of the first round. Its results are dropped, because the engine still compiles the
 * code in this round. A real server runs for days, with compiled code.
 */
const WARM_UP_MS = 4_000
const WINDOW_MS = 4_000
const NEWCOMERS = 100
const NEWCOMER_SPACING_MS = 10

interface Round {
  cpu: number
  gapP99: number
  firstsMs: number[]
}

/**
 * Measures one round of one server: first its steady state, then the time to the first token of new
 * readers, which come one after the other.
 */
async function measureRound(lab: Lab, server: RunningRow, windowMs = WINDOW_MS): Promise<Round> {
  const crowd = await lab.read(server, 'paced', STREAMS, { spacingMs: 2 })
  await crowd.waitFirst(5_000)
  await sleep(WARM_MS)
  const { cpuMs, events, gapsMs } = await crowd.sample(windowMs)
  const newcomers = await lab.read(server, 'paced', NEWCOMERS, { spacingMs: NEWCOMER_SPACING_MS, tokens: 1 })
  const { firstsMs } = await newcomers.waitFirst(5_000)
  await newcomers.close()
  await crowd.close()
  await crowd.closedAtUpstream(3_000)
  return { cpu: (cpuMs * 1000) / events, gapP99: percentile(gapsMs, 99), firstsMs }
}

/**
 * Measures the cost of a relay under a usual load: many readers, which get their tokens one at a
 * time.
 */
export const paced: Measure = {
  name: 'paced',
  title: `${STREAMS} streams × 50 tokens/s, a packet per token; TTFT of ${NEWCOMERS} newcomers meanwhile; medians of ${ROUNDS} interleaved rounds after one to warm up`,
  columns: [
    { key: 'cpu', title: 'CPU µs/token', digits: 1, hasRatio: true },
    { key: 'ttftP50', title: 'TTFT p50 ms', digits: 2 },
    { key: 'ttftP99', title: 'TTFT p99 ms', digits: 2 },
    { key: 'gapP99', title: 'gap p99 ms', digits: 1 },
  ],
  rows: [
    'pipe',
    'olla',
    'write-sse-node',
    'write-sse-bun',
    'write-sse-worker',
    'sluice-node',
    'sluice-bun',
    'sluice-deno',
    'sluice-worker',
    'against',
  ],
  run: (lab, names) =>
    lab.withRows(names, {}, async (servers) => {
      const rows = servers.map((server) => ({ server, rounds: lab.rounds(), results: [] as Round[] }))
      for (const server of servers) await measureRound(lab, server, WARM_UP_MS)
      for (let round = 0; round < ROUNDS; round++) {
        for (const { server, rounds, results } of rows) results.push(await rounds.run(() => measureRound(lab, server)))
      }
      const toFigures = (of: Round[]): Record<string, number> => ({
        cpu: percentile(
          of.map(({ cpu }) => cpu),
          50,
        ),
        ttftP50: percentile(
          of.map(({ firstsMs }) => percentile(firstsMs, 50)),
          50,
        ),
        ttftP99: percentile(
          of.map(({ firstsMs }) => percentile(firstsMs, 99)),
          50,
        ),
        gapP99: percentile(
          of.map(({ gapP99 }) => gapP99),
          50,
        ),
      })
      return Object.fromEntries(
        rows.map(({ server, rounds, results }) => [server.name, { ...toFigures(results), ...rounds.figures() }]),
      )
    }),
}
