import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import type { RunningRow } from '../rows/running-row.ts'

const LEVELS = [1, 64]
const ROUNDS = 5
const WARM_MS = 300
const WINDOW_MS = 900

interface Round {
  cpu: number
  rate: number
}

async function measureRound(lab: Lab, server: RunningRow, streams: number): Promise<Round> {
  const crowd = await lab.read(server, 'flat', streams)
  await crowd.waitFirst(1_000)
  await sleep(WARM_MS)
  const { cpuMs, events, ms } = await crowd.sample(WINDOW_MS)
  await crowd.close()
  await crowd.closedAtUpstream(3_000)
  return { cpu: (cpuMs * 1000) / events, rate: (events * 1000) / ms }
}

/**
 * Measures the CPU cost of a token while the upstream sends as fast as the server reads. Each line
 * is an HTTP chunk of its own, because Ollama flushes each line.
 */
export const flat: Measure = {
  name: 'flat',
  title: `flat out, endless streams; medians of ${ROUNDS} interleaved rounds`,
  columns: LEVELS.flatMap((streams) => [
    { key: `cpu${streams}`, title: `CPU µs/token ×${streams}`, digits: 2, hasRatio: true },
    { key: `rate${streams}`, title: `events/s ×${streams}` },
  ]),
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
      const rows = servers.map((server) => ({ server, rounds: lab.rounds(), figures: {} as Record<string, number> }))
      for (const streams of LEVELS) {
        const results = rows.map((): Round[] => [])
        for (let round = 0; round < ROUNDS; round++) {
          for (const [i, { server, rounds }] of rows.entries())
            results[i]?.push(await rounds.run(() => measureRound(lab, server, streams)))
        }
        for (const [i, { figures }] of rows.entries()) {
          const of = results[i] ?? []
          figures[`cpu${streams}`] = percentile(
            of.map(({ cpu }) => cpu),
            50,
          )
          figures[`rate${streams}`] = percentile(
            of.map(({ rate }) => rate),
            50,
          )
        }
      }
      return Object.fromEntries(rows.map(({ server, rounds, figures }) => [server.name, { ...figures, ...rounds.figures() }]))
    }),
}
