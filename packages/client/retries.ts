import type { ChatHttpError } from './errors.ts'

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
   * waits without progress have used up the budget.
   */
  next(error: unknown, budgetMs: number): Retry | undefined
  /** Waits for a planned try. */
  wait(delayMs: number): Promise<void>
  /**
   * Starts the tries again: the budget is full, and the next wait is short. Also ends the present
   * wait. Call this after progress, and when there may be a network again.
   */
  reset(): void
}

/** The longest wait before the first try. For each further try the wait is doubled. */
const firstDelayMs = 250
/** The longest wait before any try, unless the server asks for a longer one. */
export const longestDelayMs = 5000
/** Statuses and codes that may be gone at the next try. */
const passing = /^(429|50[234]|network|truncated|idle_timeout)$/

/**
 * Creates the tries of one stream. Chance shortens each wait by up to a half, so that not all
 * clients come back to a restarted server at the same time. The budget counts the waits and not the
 * time of the clock, so a device that has slept for an hour still tries.
 */
export function createRetries(): Retries {
  let attempt = 0
  let waitedMs = 0
  let resume = () => {}
  return {
    next(error, budgetMs) {
      const { status, code, retryAfter = 0 } = error as Partial<ChatHttpError>
      const backoffMs = Math.min(longestDelayMs, firstDelayMs * 2 ** attempt++) * (1 - Math.random() / 2)
      const delayMs = Math.ceil(Math.max(retryAfter * 1000, backoffMs))
      waitedMs += delayMs
      return waitedMs > budgetMs || !passing.test(String(status ?? code)) ? undefined : { attempt, delayMs }
    },
    wait: (delayMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, delayMs)
        resume = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
    reset() {
      attempt = waitedMs = 0
      resume()
    },
  }
}
