import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import type { RunningRow } from '../rows/running-row.ts'

const LEVELS = [1, 64]
const ROUNDS = 3
const WARM_MS = 300
const WINDOW_MS = 900

async function measureRound(lab: Lab, server: RunningRow, streams: number): Promise<{ cpu: number; rate: number }> {
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
    'write-sse-node',
    'write-sse-bun',
    'write-sse-worker',
    'sluice-node',
    'sluice-bun',
    'sluice-worker',
    'against',
  ],
  run: (lab, names) =>
    lab.withRows(names, {}, async (servers) => {
      const figures = new Map<RunningRow, Record<string, number>>(servers.map((server) => [server, {}]))
      for (const streams of LEVELS) {
        const rounds = new Map<RunningRow, { cpu: number; rate: number }[]>(servers.map((server) => [server, []]))
        for (let round = 0; round < ROUNDS; round++) {
          for (const server of servers) rounds.get(server)?.push(await measureRound(lab, server, streams))
        }
        for (const [server, of] of rounds) {
          Object.assign(figures.get(server) ?? {}, {
            [`cpu${streams}`]: percentile(
              of.map(({ cpu }) => cpu),
              50,
            ),
            [`rate${streams}`]: percentile(
              of.map(({ rate }) => rate),
              50,
            ),
          })
        }
      }
      return Object.fromEntries([...figures].map(([server, of]) => [server.name, of]))
    }),
}
