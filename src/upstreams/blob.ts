import { ServiceError } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { link } from './link.ts'
import type { Upstream } from './upstream.ts'

/**
 * How long Ollama may take to say whether a blob is there, in milliseconds. An upload has no
 * limit.
 */
const limitMs = 10_000

/**
 * Makes the `blob` of Ollama. A blob is a part of a model. A HEAD asks whether it is there, and a
 * POST uploads it (Ollama's docs/api.md, "Blobs").
 */
export function createBlob(exchange: Exchange): Upstream['blob'] {
  return async ({ digest, content }, { signal, trace }) => {
    const { controller, release } = link(signal)
    const request = content === undefined ? { method: 'HEAD' as const } : { body: content }
    const late = new ServiceError('first_token_timeout', `Ollama did not answer within ${limitMs / 1000} s`)
    const timer = content === undefined ? setTimeout(() => controller.abort(late), limitMs) : undefined
    try {
      const { flow } = await exchange({ path: `/api/blobs/${digest}`, isEmpty: true, trace, ...request }, controller.signal)
      await flow(() => {})
    } catch (error) {
      // A HEAD gets a 404 without a body if the blob is missing. Elsewhere such a 404 means that
      // Ollama does not know the path.
      const isMissing = content === undefined && error instanceof ServiceError && error.upstreamStatus === 404
      throw isMissing ? new ServiceError('not_found', 'Ollama has no such blob') : error
    } finally {
      clearTimeout(timer)
      release()
      controller.abort() // after a refusal, nothing more is sent or read
    }
  }
}
