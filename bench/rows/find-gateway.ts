import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { nowMs } from '../clock.ts'
import type { Target } from '../reader/target.ts'
import { readFirstStream } from './first-stream.ts'
import type { RunningRow } from './running-row.ts'

const ANSWER_LIMIT_MS = 15_000
const LISTEN = '0A'
const isLocal = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)

/**
 * Returns the ids of the processes that listen on a port of this machine, including workers that
 * share the socket. Processes that this user has no right to inspect are left out.
 */
function pidsListeningOn(port: number): number[] {
  const sockets = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      readFileSync(file, 'latin1')
        .split('\n')
        // The fields of proc(5) are: slot, local address, remote address, state, … The tenth is the
        // inode.
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => state === LISTEN && Number.parseInt(local?.split(':')[1] ?? '', 16) === port)
        .map((fields) => `socket:[${fields[9]}]`),
    ),
  )
  const isListening = (pid: string): boolean => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`)))
    } catch {
      // The process belongs to another user, or it has ended meanwhile.
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isListening(name))
    .map(Number)
}

/**
 * Makes a row of the gateway that the user has started. Its CPU time and memory are known only if
 * it runs on this machine.
 * @throws Error with the answer that came instead of a short stream
 */
export async function findGateway(target: Target, { seed }: { seed: number }): Promise<RunningRow> {
  try {
    await readFirstStream(target, { seed, endMs: nowMs() + ANSWER_LIMIT_MS, hasEnded: () => false })
  } catch (error) {
    throw new Error(`Cannot measure against: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  return {
    name: 'against',
    runtime: 'unknown',
    target,
    pids: isLocal(target.host) ? pidsListeningOn(target.port) : [],
    coldMs: NaN,
    usedHeapMb: () => Promise.resolve(NaN),
    exitOutput: () => undefined,
    stop: () => Promise.resolve(),
  }
}
