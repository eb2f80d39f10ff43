import type { ServiceError } from '../../errors.ts'
import type { GenerationEvent } from '../../generation.ts'
import type { Failure } from '../dialect.ts'

/**
 * An error before commit, as Ollama words it: `{"error"}` with Ollama's own status if it gave one,
 * and the two plain texts of its router (docs/ollama.md#3-errors).
 */
export function toFailure({ code, status, message, upstreamStatus }: ServiceError): Failure {
  if (code === 'not_found') return { status, body: '404 page not found' }
  if (code === 'method_not_allowed') return { status, body: '405 method not allowed' }
  return { status: code === 'upstream_failed' ? (upstreamStatus ?? status) : status, body: { error: message } }
}

/**
 * A failure after commit, as Ollama tells it: a last line with nothing but `error`
 * (docs/ollama.md#3-errors). Ollama's own line is kept unless it says more than a reader may learn:
 * an address, a stack, where the owner signs in (docs/protocol.md#4-errors).
 */
export function toErrorLine({ error: { message }, line }: Extract<GenerationEvent, { type: 'failed' }>): string {
  if (line !== undefined) {
    const fields = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (fields.error === message && Object.keys(fields).length === 1) return line
  }
  return JSON.stringify({ error: message })
}
