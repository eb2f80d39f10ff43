import { endId } from './entries.ts'
import { keys } from './keys.ts'

/** A command of Redis and its arguments. */
export type Command = readonly string[]

/**
 * Makes a finished run expire, whose description has the key `name`. The log stays for the time of
 * a lease longer: otherwise a reader who has just found the run would wait for frames that have
 * gone.
 */
export function toExpiry(run: string, name: string, keepMs: number, leaseMs: number): Command[] {
  return [
    ['PEXPIRE', name, `${keepMs}`],
    ['PEXPIRE', keys.log(run), `${keepMs + leaseMs}`],
  ]
}

/**
 * Erases the frames of a finished run. The end stays for `ttlMs`, so that no reader waits for the
 * frames.
 */
export function toErasure(run: string, ttlMs: number): Command[] {
  return [
    ['XTRIM', keys.log(run), 'MINID', endId],
    ['PEXPIRE', keys.log(run), `${ttlMs}`],
  ]
}
