import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds of the machine's monotonic clock. All its processes share it: a time taken in one may be subtracted from a time taken in another. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Resolves with true as soon as `isTrue` is, with false after `limitMs`. */
export async function until(isTrue: () => boolean, limitMs: number): Promise<boolean> {
  const end = nowMs() + limitMs
  while (!isTrue()) {
    if (nowMs() > end) return false
    await sleep(2)
  }
  return true
}
