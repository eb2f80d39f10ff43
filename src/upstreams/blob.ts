import { ServiceError } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { link } from './link.ts'
import type { Upstream } from './upstream.ts'

/** How long it may take to say whether a blob is there. To bring one takes as long as it takes. */
const limitMs = 10_000

/** Parts of models: a HEAD asks for one, a POST brings it (Ollama's docs/api.md, "Blobs"). */
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
      // A 404 that says nothing: to a HEAD it is an answer.
      const isMissing = content === undefined && error instanceof ServiceError && error.upstreamStatus === 404
      throw isMissing ? new ServiceError('not_found', 'Ollama has no such blob') : error
    } finally {
      clearTimeout(timer)
      release()
      controller.abort() // what was refused is sent no further, and read no further
    }
  }
}
