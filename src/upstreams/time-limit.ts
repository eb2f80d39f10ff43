import { ServiceError } from '../errors.ts'
import { link } from './link.ts'

/**
 * Runs `work` with a signal of its own. This signal aborts when the caller's does, after
 * `limitMs` (0 means no limit), and once the work is over.
 * @throws what `work` throws. After the limit, the signal's reason is a ServiceError
 * `first_token_timeout`.
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
