import { ServiceError } from '../errors.ts'
import { within } from '../within.ts'
import { link } from './link.ts'

/**
 * Runs `work` with a new signal. The new signal aborts when `signal` aborts, after `limitMs` (0
 * means no limit), and when the work is over.
 * @throws what `work` throws; ServiceError `first_token_timeout` after the limit
 */
export async function withinLimit<T>(
  limitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { controller, release } = link(signal)
  try {
    const result = work(controller.signal)
    if (limitMs === 0) return await result
    return await within(limitMs, result, () => {
      const error = new ServiceError('first_token_timeout', `Ollama did not answer within ${limitMs / 1000} s`)
      controller.abort(error)
      throw error
    })
  } finally {
    release()
    controller.abort()
  }
}
