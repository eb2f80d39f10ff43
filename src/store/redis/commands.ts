import { endId } from './entries.ts'
import { keys } from './keys.ts'

/** A command of Redis and its arguments. */
export type Command = readonly string[]

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
