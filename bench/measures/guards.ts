import { createHash } from 'node:crypto'
import http from 'node:http'
import type { Lab } from '../lab.ts'
import type { Measure, Measured } from '../measure.ts'
import { percentile } from '../../tests/lab/percentile.ts'
import { cpuMsOf } from '../../tests/lab/process-stats.ts'
import { KEY } from '../reader/connection.ts'
import type { RunningRow } from '../rows/running-row.ts'

const ROUNDS = 5
const REQUESTS = 4_000
const CONNECTIONS = 16

/** Ten keys and two limits. The bench uses the last key, and never reaches a limit. */
const guarded = {
  SLUICE_API_KEYS: Array.from({ length: 10 }, (_, i) => {
    const secret = i === 9 ? KEY : `other-${i}`
    return `key-${i}:${createHash('sha256').update(secret).digest('hex')}:*`
  }).join(),
  SLUICE_RATE_PER_MINUTE: '1000000',
  SLUICE_MAX_STREAMS_PER_KEY: '1000',
}

/** Returns the microseconds of CPU for a request that passes every guard and then gets a 404. */
async function measureRound({ target: { host, port }, pids }: RunningRow): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const options = { host, port, agent, path: '/nothing', headers: { authorization: `Bearer ${KEY}` } }
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const request = http.get(options, (response) => {
        if (response.statusCode !== 404) reject(new Error(`Cannot pass the guards: ${response.statusCode}`))
        response.resume().on('end', resolve)
      })
      request.on('error', reject)
    })
  const before = cpuMsOf(...pids)
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (let i = 0; i < REQUESTS / CONNECTIONS; i++) await ask()
    }),
  )
  const cpuMs = cpuMsOf(...pids) - before
  agent.destroy()
  return (cpuMs * 1000) / REQUESTS
}

async function measureRow(lab: Lab, open: RunningRow, closed: RunningRow): Promise<Record<string, number>> {
  const quiet = lab.rounds()
  const rounds: { open: number; closed: number }[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const costs = await quiet.run(async () => ({ open: await measureRound(open), closed: await measureRound(closed) }))
    // The first round only warms up.
    if (round >= 0) rounds.push(costs)
  }
  const toMedian = (of: (round: { open: number; closed: number }) => number) => percentile(rounds.map(of), 50)
  return {
    open: toMedian(({ open }) => open),
    closed: toMedian(({ closed }) => closed),
    added: toMedian(({ open, closed }) => closed - open),
    ...quiet.figures(),
  }
}

/**
 * Measures what keys and limits cost per request. They cost nothing per token, because only the
 * request is checked.
 */
export const guards: Measure = {
  name: 'guards',
  title: `a request with a key (one of ten), a rate and a limit of answers (SLUICE_API_KEYS, SLUICE_RATE_PER_MINUTE, SLUICE_MAX_STREAMS_PER_KEY), against one without; ${REQUESTS} requests on ${CONNECTIONS} connections, medians of ${ROUNDS} interleaved rounds after one to warm up`,
  columns: [
    { key: 'open', title: 'CPU µs/request', digits: 1 },
    { key: 'closed', title: 'with guards', digits: 1 },
    { key: 'added', title: 'added', digits: 1 },
  ],
  rows: ['sluice-node', 'sluice-bun', 'sluice-worker'],
  async run(lab: Lab, names) {
    const measured: Measured = {}
    for (const name of names) {
      const figures = await lab.withRow(name, {}, (open) =>
        lab.withRow(name, { environment: guarded }, (closed) => measureRow(lab, open, closed)),
      )
      if (figures) measured[name] = figures
    }
    return measured
  },
}
