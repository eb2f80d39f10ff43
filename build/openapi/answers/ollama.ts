import * as v from 'valibot'

/**
 * The answers in Ollama's format. Sluice passes them on unchanged. It checks only the fields that it
 * reads (`hasShape` of src/upstreams/chunk-shape.ts), and a newer Ollama may send more fields.
 */

const text = v.nullish(v.string())
const count = v.nullish(v.number())

const toolCall = v.looseObject({
  id: text,
  function: v.nullish(v.looseObject({ name: text, arguments: v.optional(v.unknown()) })),
})
const logprob = v.looseObject({ top_logprobs: v.nullish(v.array(v.looseObject({}))) })

const line = { model: text, created_at: text, logprobs: v.nullish(v.array(logprob)) }
const generated = { ...line, response: text, thinking: text }
const message = v.looseObject({ role: text, content: text, thinking: text, tool_calls: v.nullish(v.array(toolCall)) })
const chatted = { ...line, message: v.nullish(message) }
const open = { done: v.optional(v.nullable(v.literal(false))) }
const last = {
  done: v.pipe(v.literal(true), v.description('The terminal of a success: no line follows it')),
  done_reason: text,
  total_duration: v.nullish(v.pipe(v.number(), v.description('Nanoseconds, like all durations'))),
  load_duration: count,
  prompt_eval_count: count,
  prompt_eval_duration: count,
  eval_count: count,
  eval_duration: count,
}

export const ollamaAnswers = {
  OllamaGenerateLine: v.looseObject({ ...generated, ...open }),
  OllamaGenerateLastLine: v.looseObject({ ...generated, ...last }),
  OllamaChatLine: v.looseObject({ ...chatted, ...open }),
  OllamaChatLastLine: v.looseObject({ ...chatted, ...last }),
  OllamaProgressLine: v.pipe(
    v.looseObject({ status: text, digest: text, total: count, completed: count }),
    v.description('One step. The status `success` is the terminal of a success'),
  ),
  OllamaError: v.object({ error: v.string() }),
  OllamaModels: v.looseObject({
    models: v.nullish(v.array(v.looseObject({ name: text, model: text, sluice_host: v.optional(v.string()) }))),
  }),
  OllamaVersion: v.looseObject({ version: text }),
  OllamaAnswer: v.pipe(v.looseObject({}), v.description("Ollama's own object, byte for byte")),
}
