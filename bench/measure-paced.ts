import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from './lab.ts'
import type { RunningRow } from './rows/running-row.ts'

export const STREAMS = 100
const WARM_MS = 1_000
const WINDOW_MS = 3_000
const LIMIT_MS = 5_000

/** CPU of a paced token of `STREAMS` readers who send these headers, in microseconds. */
export async function measurePaced(lab: Lab, server: RunningRow, headers: readonly string[]): Promise<number> {
  const target = { ...server.target, headers }
  const crowd = await lab.read({ ...server, target }, 'paced', STREAMS, { spacingMs: 2 })
  await crowd.waitFirst(LIMIT_MS)
  await sleep(WARM_MS)
  const { cpuMs, events } = await crowd.sample(WINDOW_MS)
  await crowd.close()
  await crowd.closedAtUpstream(LIMIT_MS) // a resumable stream goes on for its grace
  return (cpuMs * 1000) / events
}
