import type { ServiceError } from '../../../errors.ts'
import type { OllamaChunk } from '../../../generation.ts'
import { toResponseUsage, toSeconds } from '../envelope.ts'
import type { ResponsesRequest } from './schema.ts'

/** The fields of a request that its response repeats. */
export type Echo = ReturnType<typeof toEcho>

/**
 * Returns the fields of the request that the response repeats. A field that Sluice cannot honour
 * has its default value.
 */
export function toEcho(request: ResponsesRequest) {
  const { reasoning, text } = request
  return {
    model: request.model ?? '',
    background: request.background ?? false,
    // A background response has a time before Ollama sends its first line.
    ...(request.background && { created_at: Math.floor(Date.now() / 1000) }),
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: true,
    previous_response_id: null,
    prompt_cache_key: null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    safety_identifier: null,
    service_tier: 'default',
    store: request.background ?? false,
    temperature: request.temperature ?? null,
    text: { format: text?.format ?? { type: 'text' } },
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? null,
    truncation: 'disabled',
  }
}

/** The fields of a response that are already known when Ollama's first line arrives. */
type ResponseHead = ReturnType<typeof toResponseHead>

export function toResponseHead(echo: Echo, id: string, first: OllamaChunk) {
  return { id, object: 'response', created_at: toSeconds(first.created_at), ...echo, model: first.model ?? echo.model }
}

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled'

export interface ResponseState {
  readonly status: ResponseStatus
  readonly output: readonly object[]
  /** Ollama's last line. */
  readonly done?: OllamaChunk
  readonly error?: ServiceError
}

/**
 * The response object in any state:
 * https://platform.openai.com/docs/api-reference/responses/object
 */
export function toResponse(head: ResponseHead, { status, output, done, error }: ResponseState) {
  return {
    ...head,
    status,
    output,
    completed_at: status === 'completed' && done ? toSeconds(done.created_at) : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    error: error && status === 'failed' ? { code: error.reason ?? error.code, message: error.message } : null,
    usage: done ? toResponseUsage(done) : null,
  }
}
