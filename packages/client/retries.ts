import { ChatHttpError, ChatStreamError } from './errors.ts'

/** A planned try. */
export interface Retry {
  /** Counts the tries since the last progress, from 1. */
  readonly attempt: number
  readonly delayMs: number
}

/** Decides when to connect again, and when to give up. */
export interface Retries {
  /**
   * Plans the next try after an error. Returns undefined if another try makes no sense, or if the
   * budget is used up.
   */
  next(error: unknown): Retry | undefined
  /** Waits for a planned try. Rejects with the reason of the signal. */
  wait(delayMs: number): Promise<void>
  /** Ends the present wait, and starts the tries again. */
  wake(): void
  /** Call this after progress. The budget is full again, and the next wait is short again. */
  reset(): void
  /** Makes the budget at least this long. */
  grant(budgetMs: number): void
}

/** The longest wait before the first try. For each further try the wait is doubled. */
const firstDelayMs = 250
/** The longest wait before any try, unless the server asks for a longer one. */
export const longestDelayMs = 5000

/**
 * Creates the tries of one stream. Chance shortens each wait by up to a half, so that not all
 * clients come back to a restarted server at the same time. The budget counts the waits without
 * progress and not the time of the clock. So a device that has slept for an hour still tries.
 */
export function createRetries(signal: AbortSignal): Retries {
  /** A finished answer is kept for 60 s by default, so a shorter budget would miss it. */
  let budgetMs = 60_000
  let attempt = 0
  let waitedMs = 0
  let resume = () => {}
  const reset = () => {
    attempt = waitedMs = 0
  }
  return {
    next(error) {
      const leftMs = budgetMs - waitedMs
      if (leftMs <= 0 || !isRetryable(error)) return undefined
      const leastMs = error instanceof ChatHttpError ? (error.retryAfter ?? 0) * 1000 : 0
      const backoffMs = Math.min(longestDelayMs, firstDelayMs * 2 ** attempt++) * (1 - Math.random() / 2)
      return { attempt, delayMs: Math.ceil(Math.min(leftMs, Math.max(leastMs, backoffMs))) }
    },
    async wait(delayMs) {
      const startedAt = performance.now()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delayMs)
        resume = () => {
          clearTimeout(timer)
          resolve()
        }
        signal.addEventListener('abort', resume)
      })
      signal.removeEventListener('abort', resume)
      signal.throwIfAborted()
      waitedMs += Math.min(delayMs, performance.now() - startedAt)
    },
    wake() {
      reset()
      resume()
    },
    reset,
    grant(ms) {
      budgetMs = Math.max(budgetMs, ms)
    },
  }
}

function isRetryable(error: unknown): boolean {
  if (error instanceof ChatHttpError) return [429, 502, 503, 504].includes(error.status)
  return error instanceof ChatStreamError && /^(network|truncated|idle_timeout)$/.test(error.code)
}
