import type { ServiceError } from '../../errors.ts'
import type { GenerationEvent } from '../../generation.ts'
import type { Failure } from '../dialect.ts'

/**
 * The error response in Ollama's format (docs/ollama.md#3-errors). If Ollama itself reported the
 * failure, the response has the status that Ollama sent. For an unknown path or method, the body is
 * the same plain text that Ollama sends.
 */
export function toFailure({ code, status, message, upstreamStatus }: ServiceError): Failure {
  if (code === 'not_found') return { status, body: '404 page not found' }
  if (code === 'method_not_allowed') return { status, body: '405 method not allowed' }
  return { status: code === 'upstream_failed' ? (upstreamStatus ?? status) : status, body: { error: message } }
}

/**
 * A failure in a stream, in Ollama's format: a last line that has only `error`
 * (docs/ollama.md#3-errors). Ollama's own line is passed on if it contains nothing that Sluice
 * hides from clients, such as an address, a stack trace or a sign-in URL
 * (docs/protocol.md#4-errors).
 */
export function toErrorLine({ error: { message }, line }: Extract<GenerationEvent, { type: 'failed' }>): string {
  if (line !== undefined) {
    const fields = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (fields.error === message && Object.keys(fields).length === 1) return line
  }
  return JSON.stringify({ error: message })
}
