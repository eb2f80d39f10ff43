import type { ServiceError } from '../../errors.ts'
import type { Failure } from '../dialect.ts'

/**
 * Errors as Ollama words them: `{"error"}` with Ollama's own status where it gave one, and its router's two plain texts
 * (docs/ollama.md §3).
 */
export function toFailure({ code, status, message, upstreamStatus }: ServiceError): Failure {
  if (code === 'not_found') return { status, body: '404 page not found' }
  if (code === 'method_not_allowed') return { status, body: '405 method not allowed' }
  return { status: code === 'upstream_failed' ? (upstreamStatus ?? status) : status, body: { error: message } }
}
