import type { ChatHttpError } from './errors.ts'

/** The longest wait before the first try is twice as long. For each further try it is doubled. */
const baseDelayMs = 125
/** The longest wait before any try, unless the server asks for a longer one. */
const longestDelayMs = 5000
/** Statuses and codes of errors that may be gone at the next try. */
const passing = /^(429|50[234]|network|truncated|idle_timeout)$/

/**
 * Returns how long to wait before connecting again after an error, in milliseconds. Returns
 * undefined if another try makes no sense. Chance shortens each wait by up to a half, so that not
 * all clients come back to a restarted server at the same time.
 * @param attempt the number of the try, from 1
 */
export function toRetryDelay(error: unknown, attempt: number): number | undefined {
  const { status, code, retryAfter = 0 } = error as Partial<ChatHttpError>
  const backoffMs = Math.min(longestDelayMs, baseDelayMs * 2 ** attempt) * (1 - Math.random() / 2)
  return passing.test(String(status ?? code)) ? Math.ceil(Math.max(retryAfter * 1000, backoffMs)) : undefined
}
