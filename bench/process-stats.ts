import { readFileSync } from 'node:fs'

/** The kernel tells times in ticks of 1/100 s, whatever its own (USER_HZ). */
const TICK_MS = 10

/** CPU milliseconds, user and system, that a process has used so far, all its threads together and those that ended too. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field is the program's name in brackets and may hold spaces: count from behind it (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Memory of a process that is really in RAM, in KB. */
export function rssKbOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

/** The process that does the work: an npm package may start its program through a shim, which then has exactly this one child. */
export function workingPid(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean)
  return children.length === 1 ? workingPid(Number(children[0])) : pid
}
