import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Milliseconds of the machine's monotonic clock. All processes of the machine share this clock, so
 * times of different processes can be subtracted.
 */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Resolves with true as soon as `isTrue` returns true, or with false after `limitMs`. */
export async function until(isTrue: () => boolean, limitMs: number): Promise<boolean> {
  const end = nowMs() + limitMs
  while (!isTrue()) {
    if (nowMs() > end) return false
    await sleep(2)
  }
  return true
}
