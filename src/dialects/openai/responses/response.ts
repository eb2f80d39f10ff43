import type { ServiceError } from '../../errors.ts'
import type { OllamaChunk } from '../../generation.ts'
import type { Echo } from './echo.ts'

export interface ResponseState {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed'
  /** JSON texts of the items. */
  readonly output: readonly string[]
  /** Ollama's last line. */
  readonly done?: OllamaChunk
  readonly error?: ServiceError
}

export type ToResponse = (state: ResponseState) => string

/**
 * The response object as JSON text, at any point of its life: https://platform.openai.com/docs/api-reference/responses/object. What never
 * changes is written once; `first` is Ollama's first line.
 */
export function createResponse(echo: Echo, id: string, first: OllamaChunk): ToResponse {
  const model = first.model ?? echo.model
  const head = JSON.stringify({ id, object: 'response', created_at: toSeconds(first), ...echo, model }).slice(0, -1)
  return ({ status, output, done, error }) => {
    const tail = JSON.stringify({
      completed_at: status === 'completed' && done ? toSeconds(done) : null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      error: error ? { code: error.code, message: error.message } : null,
      usage: done ? toUsage(done) : null,
    })
    return `${head},"status":"${status}","output":[${output.join(',')}],${tail.slice(1)}`
  }
}

/** Seconds since 1970; 0 for a response that failed before Ollama said anything. */
function toSeconds({ created_at = '' }: OllamaChunk): number {
  return Math.floor(Date.parse(created_at) / 1000) || 0
}

/** Ollama tells neither what it had cached nor what it only thought. */
function toUsage({ prompt_eval_count: input_tokens = 0, eval_count: output_tokens = 0 }: OllamaChunk) {
  return {
    input_tokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + output_tokens,
  }
}
