import type { OllamaChunk } from '../../generation.ts'
import { toIdPart } from '../tool-calls.ts'

/** What stands around every answer and every piece of one, in the order of Ollama's own `/v1`. */
export function toEnvelope({ model = '', created_at }: OllamaChunk, { id, object }: { id: string; object: string }) {
  return { id, object, created: toSeconds(created_at), model, system_fingerprint: 'fp_ollama' }
}

/** OpenAI's own begin so, and may be asked for later. */
export function toId(prefix: 'chatcmpl' | 'cmpl', requestId: string): string {
  return `${prefix}-${toIdPart(requestId)}`
}

/** Seconds since 1970, of a time as Ollama writes it. */
export function toSeconds(time: unknown): number {
  return Math.floor(Date.parse(String(time)) / 1000) || 0
}

export function toUsage({ prompt_eval_count: prompt = 0, eval_count: completion = 0 }: OllamaChunk) {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}

/** What was cut off is not whole, calls neither: there may have been more of them. */
export function toFinishReason({ done_reason }: OllamaChunk, calls = 0): 'length' | 'tool_calls' | 'stop' {
  if (done_reason === 'length') return 'length'
  return calls > 0 ? 'tool_calls' : 'stop'
}
