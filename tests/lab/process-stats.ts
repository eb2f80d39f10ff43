import { readdirSync, readFileSync } from 'node:fs'

/**
 * The kernel reports times in ticks of 1/100 s (USER_HZ). This does not depend on the clock rate of
 * the kernel.
 */
const TICK_MS = 10

/** Returns the processes that a process has started from any of its threads. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const list = readChildren(`/proc/${pid}/task/${thread}/children`)
    return list === '' ? [] : list.split(' ').map(Number)
  })
}

/**
 * A thread may end after it was listed. Then its file is gone, and other threads have its children.
 */
function readChildren(file: string): string {
  try {
    return readFileSync(file, 'latin1').trim()
  } catch {
    return ''
  }
}

/**
 * Returns these processes and all their descendants, without duplicates. So the figures of a
 * gateway include its workers.
 */
function treeOf(...pids: number[]): number[] {
  return [...new Set(pids.flatMap((pid) => [pid, ...treeOf(...childrenOf(pid))]))]
}

function cpuMsOfOne(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field is the program's name in brackets, which may contain spaces. So the fields are
  // counted from the closing bracket (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // User and system time: its own, and that of its children that have ended.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0)
}

function rssKbOfOne(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

/** Returns NaN if there are no processes, because an unknown value must not look like 0. */
function sumOf(pids: readonly number[], of: (pid: number) => number): number {
  return pids.length === 0 ? NaN : treeOf(...pids).reduce((sum, pid) => sum + of(pid), 0)
}

/**
 * Returns the CPU time, user and system, that these processes and their children have used so far,
 * in milliseconds. This includes threads and children that have ended.
 */
export const cpuMsOf = (...pids: number[]): number => sumOf(pids, cpuMsOfOne)

/**
 * Returns the RAM of these processes and their children, in KB. Shared memory counts once for each
 * process that shares it.
 */
export const rssKbOf = (...pids: number[]): number => sumOf(pids, rssKbOfOne)
