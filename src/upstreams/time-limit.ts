import { ServiceError } from '../errors.ts'
import { link } from './link.ts'

/**
 * Does `work` with a signal that aborts with the caller's, after the limit (milliseconds; 0 = none), and once the work is over.
 * @throws ServiceError `first_token_timeout` as the signal's reason
 */
export async function withinLimit<T>(
  limitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { controller, release } = link(signal)
  const late = () =>
    controller.abort(new ServiceError('first_token_timeout', `Ollama did not answer within ${limitMs / 1000} s`))
  const timer = limitMs > 0 ? setTimeout(late, limitMs) : undefined
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    release()
    controller.abort()
  }
}
