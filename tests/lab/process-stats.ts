import { readdirSync, readFileSync } from 'node:fs'

/** The kernel tells times in ticks of 1/100 s, whatever its own (USER_HZ). */
const TICK_MS = 10

/** What a process has started itself, whichever of its threads did it. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const list = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').trim()
    return list === '' ? [] : list.split(' ').map(Number)
  })
}

/** These processes and all that they have started, each once: a gateway's workers count with it. */
function treeOf(...pids: number[]): number[] {
  return [...new Set(pids.flatMap((pid) => [pid, ...treeOf(...childrenOf(pid))]))]
}

function cpuMsOfOne(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field is the program's name in brackets and may hold spaces: count from behind it (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

function rssKbOfOne(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

/** NaN of no process: what is not known must not look like nothing. */
function sumOf(pids: readonly number[], of: (pid: number) => number): number {
  return pids.length === 0 ? NaN : treeOf(...pids).reduce((sum, pid) => sum + of(pid), 0)
}

/** CPU milliseconds, user and system, that these processes and their children have used so far, all threads together and those that ended too. */
export const cpuMsOf = (...pids: number[]): number => sumOf(pids, cpuMsOfOne)

/** Memory of these processes and their children that is really in RAM, in KB; what several share counts for each. */
export const rssKbOf = (...pids: number[]): number => sumOf(pids, rssKbOfOne)
