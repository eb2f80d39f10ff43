import { readFileSync } from 'node:fs'
import { cpuMsOf } from '../tests/lab/process-stats.ts'

/** The CPU time that the bench did not use, in percent of all CPU time of the machine. */
export interface Noise {
  /** The time that other virtual machines took from this one. */
  readonly steal: number
  /** The time that other processes of this machine used. */
  readonly other: number
}

interface Counters {
  totalMs: number
  stealMs: number
  busyMs: number
  ownMs: number
}

/** The unit of /proc/stat (USER_HZ, proc(5)). */
const TICK_MS = 10

function readCounters(pids: readonly number[]): Counters {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1)
  const times = line
    .split(/\s+/)
    .slice(1, 9)
    .map((ticks) => Number(ticks) * TICK_MS)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stealMs = 0] = times
  return {
    totalMs: times.reduce((sum, ms) => sum + ms, 0),
    stealMs,
    busyMs: user + nice + system + irq + softirq,
    ownMs: cpuMsOf(...pids),
  }
}

/**
 * Starts to measure the noise of the machine. `pids` are the processes of the bench. Their children
 * belong to the bench too.
 */
export function startNoise(pids: readonly number[]): () => Noise {
  const before = readCounters(pids)
  return () => {
    const after = readCounters(pids)
    const percentOf = (ms: number): number => (100 * Math.max(0, ms)) / (after.totalMs - before.totalMs)
    const busyMs = after.busyMs - before.busyMs
    return {
      steal: percentOf(after.stealMs - before.stealMs),
      other: percentOf(busyMs - (after.ownMs - before.ownMs)),
    }
  }
}
