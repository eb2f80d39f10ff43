import { isObject } from '../exact-json.ts'
import type { OllamaChunk } from '../generation.ts'

/**
 * Whether the fields that encoders read have the expected types. A null counts as absent. Other
 * fields are not checked. The check of a token costs only a few comparisons.
 */
export function hasShape(chunk: OllamaChunk): boolean {
  return (
    isText(chunk.response) &&
    isText(chunk.thinking) &&
    isMessage(chunk.message) &&
    isText(chunk.model) &&
    isText(chunk.created_at) &&
    isListOf(isLogprob, chunk.logprobs) &&
    (chunk.done !== true || hasCounts(chunk))
  )
}

function isMessage(message: unknown): boolean {
  if (message === undefined || message === null) return true
  if (!isObject(message)) return false
  return isText(message.content) && isText(message.thinking) && isListOf(isToolCall, message.tool_calls)
}

function hasCounts({ done_reason, prompt_eval_count, eval_count }: OllamaChunk): boolean {
  return isText(done_reason) && isCount(prompt_eval_count) && isCount(eval_count)
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value === undefined || value === null
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' || value === undefined || value === null
}

function isToolCall(call: unknown): boolean {
  if (!isObject(call) || !isText(call.id)) return false
  const { function: called } = call
  return called === undefined || called === null || (isObject(called) && isText(called.name))
}

function isLogprob(logprob: unknown): boolean {
  return isObject(logprob) && isListOf(isObject, logprob.top_logprobs)
}

function isListOf(isOne: (value: unknown) => boolean, value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.every(isOne))
}
