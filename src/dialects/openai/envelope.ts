import { toIdPart } from '../../encoders/tool-calls.ts'
import { toNumber } from '../../exact-json.ts'
import type { OllamaChunk } from '../../generation.ts'

/**
 * The first fields of an answer or of an OpenAI chunk, in the same order as in Ollama's own `/v1`.
 */
export function toEnvelope({ model = '', created_at }: OllamaChunk, { id, object }: { id: string; object: string }) {
  return { id, object, created: toSeconds(created_at), model, system_fingerprint: 'fp_ollama' }
}

/** The id of an answer. It has the same prefix as OpenAI's ids. */
export function toId(prefix: 'chatcmpl' | 'cmpl', requestId: string): string {
  return `${prefix}-${toIdPart(requestId)}`
}

/** Converts a time of Ollama into seconds since 1970. Returns 0 if the time is missing. */
export function toSeconds(time: unknown): number {
  return Math.floor(Date.parse(String(time)) / 1000) || 0
}

/**
 * `length` has priority over `tool_calls`, because the token limit may have prevented more calls.
 */
export function toFinishReason({ done_reason }: OllamaChunk, calls = 0): 'length' | 'tool_calls' | 'stop' {
  if (done_reason === 'length') return 'length'
  return calls > 0 ? 'tool_calls' : 'stop'
}

/** The `usage` of chat and completions. */
export function toUsage({ prompt_eval_count, eval_count }: OllamaChunk) {
  const prompt = toNumber(prompt_eval_count ?? 0)
  const completion = toNumber(eval_count ?? 0)
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}

/**
 * The `usage` of Responses. Ollama reports neither cached tokens nor reasoning tokens, so both are
 * 0.
 */
export function toResponseUsage({ prompt_eval_count, eval_count }: OllamaChunk) {
  const input = toNumber(prompt_eval_count ?? 0)
  const output = toNumber(eval_count ?? 0)
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  }
}
