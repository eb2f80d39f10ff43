import type { Random } from './seeded.ts'

/**
 * The longest delay of a timer. With a longer delay, a timer fires immediately on every runtime.
 */
const longestTimerMs = 2 ** 31 - 1
/**
 * If tokens are late, because of a slow reader or timer, the next tokens come faster. They catch up
 * by at most this much time.
 */
const maxLagMs = 100

/**
 * Resolves after `ms`, or rejects with the signal's reason. It leaves neither a timer nor a
 * listener behind.
 */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const onTime = () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }
    const timer = setTimeout(onTime, Math.min(ms, longestTimerMs))
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * Never resolves. It rejects with the signal's reason. A timer runs all the time, because workerd
 * ends a request that waits for nothing.
 */
export async function waitForever(signal: AbortSignal): Promise<never> {
  for (;;) await wait(longestTimerMs, signal)
}

/** Waits as long as a model needs for this number of tokens, with jitter. */
export type Pace = (tokens: number) => Promise<void>

/**
 * Computes the time of each token from a schedule, not from a delay after the token before. A timer
 * takes at least a millisecond, so such delays would add up.
 */
export function createPace(tokensPerSecond: number, random: Random, signal: AbortSignal): Pace {
  let dueMs = performance.now()
  return async (tokens) => {
    const nowMs = performance.now()
    dueMs = Math.max(dueMs, nowMs - maxLagMs) + (tokens * 1000 * (0.6 + 0.8 * random())) / tokensPerSecond
    if (dueMs > nowMs) await wait(dueMs - nowMs, signal)
    else signal.throwIfAborted()
  }
}
