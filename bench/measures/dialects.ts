import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import type { Dialect, Target } from '../reader/target.ts'
import type { RunningRow } from '../rows/running-row.ts'
import type { Mode } from '../upstream/question.ts'

const ROUNDS = 5
const WARM_MS = 500

/** A usual load, and a load in which the upstream sends as fast as the server reads. */
const loads = [
  { mode: 'paced', title: 'paced', streams: 100, windowMs: 2_500 },
  { mode: 'flat', title: 'flat', streams: 64, windowMs: 900 },
] as const satisfies readonly { mode: Mode; title: string; streams: number; windowMs: number }[]

/**
 * Native comes first, because the costs of the other dialects are shown as multiples of its cost.
 */
const spoken = [
  { key: 'native', path: '/api/chat', dialect: 'chat' },
  { key: 'ollama', path: '/ollama/api/chat', dialect: 'chat' },
  { key: 'openai', path: '/v1/chat/completions', dialect: 'openai' },
  { key: 'completions', path: '/v1/completions', dialect: 'completions' },
  { key: 'responses', path: '/v1/responses', dialect: 'responses' },
  { key: 'anthropic', path: '/v1/messages', dialect: 'anthropic' },
  { key: 'ai-sdk', path: '/api/ui/chat', dialect: 'ai-sdk' },
] as const satisfies readonly { key: string; path: string; dialect: Dialect }[]

/** The columns that have a limit in `figures.ts`. */
export const dialectColumns = loads.flatMap(({ title }) =>
  spoken.slice(1).map(({ key }) => ({ key: `${title}-${key}`, title: `${title} ${key} ×`, digits: 2 })),
)

async function measureRound(lab: Lab, server: RunningRow, load: (typeof loads)[number], target: Target): Promise<number> {
  const crowd = await lab.read({ ...server, target }, load.mode, load.streams, { spacingMs: 1 })
  await crowd.waitFirst(5_000)
  await sleep(WARM_MS)
  const { cpuMs, events } = await crowd.sample(load.windowMs)
  await crowd.close()
  await crowd.closedAtUpstream(3_000)
  return (cpuMs * 1000) / events
}

async function measureRow(lab: Lab, server: RunningRow): Promise<Record<string, number>> {
  const quiet = lab.rounds()
  const figures: Record<string, number> = {}
  for (const load of loads) {
    const rounds = spoken.map((): number[] => [])
    for (let round = -1; round < ROUNDS; round++) {
      for (const [i, { path, dialect }] of spoken.entries()) {
        const cpu = await quiet.run(() => measureRound(lab, server, load, { ...server.target, path, dialect }))
        // The first round only warms up.
        if (round >= 0) rounds[i]?.push(cpu)
      }
    }
    const [native = NaN, ...others] = rounds.map((of) => percentile(of, 50))
    figures[`${load.title}-native`] = native
    for (const [i, { key }] of spoken.slice(1).entries()) figures[`${load.title}-${key}`] = (others[i] ?? NaN) / native
  }
  return { ...figures, ...quiet.figures() }
}

/**
 * Measures the cost of a token in each dialect, as a multiple of the cost of native SSE on the same
 * server in the same run.
 */
export const dialects: Measure = {
  name: 'dialects',
  title: `CPU per token of a server, in each dialect as a multiple of native SSE; ${loads.map(({ title, streams }) => `${title} × ${streams}`).join(', ')}; medians of ${ROUNDS} interleaved rounds after one to warm up`,
  columns: [
    { key: 'paced-native', title: 'paced native µs', digits: 1 },
    { key: 'flat-native', title: 'flat native µs', digits: 2 },
    ...dialectColumns,
  ],
  rows: ['sluice-node', 'sluice-bun', 'sluice-worker'],
  run: async (lab, names) => {
    const measured: Awaited<ReturnType<Measure['run']>> = {}
    for (const name of names) {
      const figures = await lab.withRow(name, {}, (server) => measureRow(lab, server))
      if (figures) measured[name] = figures
    }
    return measured
  },
}
