import { ServiceError } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { withinLimit } from './time-limit.ts'
import type { Upstream } from './upstream.ts'

/** How long Ollama may take to answer whether it has a blob, in milliseconds. */
const checkLimitMs = 10_000

/**
 * Makes the `blob` function for Ollama. A blob is a part of a model. A HEAD asks whether Ollama has
 * the blob. A POST uploads the blob, without a time limit (Ollama's docs/api.md, "Blobs").
 */
export function createBlob(exchange: Exchange): Upstream['blob'] {
  return ({ digest, content }, { signal, trace }) => {
    const isUpload = content !== undefined
    const request = isUpload ? { body: content } : { method: 'HEAD' as const }
    return withinLimit(isUpload ? 0 : checkLimitMs, signal, async (signal) => {
      try {
        const { flow } = await exchange({ path: `/api/blobs/${digest}`, isEmpty: true, trace, ...request }, signal)
        await flow(() => {})
      } catch (error) {
        // If the blob is missing, a HEAD gets a 404 without a body. For any other request, a 404
        // without a body means that Ollama does not have the path.
        const isMissing = !isUpload && error instanceof ServiceError && error.upstreamStatus === 404
        throw isMissing ? new ServiceError('not_found', 'Ollama has no such blob; upload it first') : error
      }
    })
  }
}
