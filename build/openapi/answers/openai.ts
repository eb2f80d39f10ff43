import * as v from 'valibot'

const envelope = <const TObject extends string>(object: TObject) => ({
  id: v.string(),
  object: v.literal(object),
  created: v.pipe(v.number(), v.description('Seconds since 1970')),
  model: v.nullable(v.string()),
  system_fingerprint: v.string(),
})
const usage = v.strictObject({ prompt_tokens: v.number(), completion_tokens: v.number(), total_tokens: v.number() })
const finish = v.picklist(['stop', 'length', 'tool_calls'])

const token = { token: v.unknown(), logprob: v.unknown(), bytes: v.unknown() }
/** The values are Ollama's own. */
export const logprob = v.strictObject({ ...token, top_logprobs: v.array(v.strictObject(token)) })
const logprobs = v.strictObject({ content: v.array(logprob) })

const reasoning = { reasoning: v.optional(v.string()), reasoning_content: v.optional(v.string()) }
const called = {
  function: { type: v.literal('function'), function: v.strictObject({ name: v.string(), arguments: v.string() }) },
  custom: { type: v.literal('custom'), custom: v.strictObject({ name: v.string(), input: v.string() }) },
}
const toCall = <TEntries extends v.ObjectEntries>(entries: TEntries) =>
  v.union([v.strictObject({ ...entries, ...called.function }), v.strictObject({ ...entries, ...called.custom })])

const delta = v.strictObject({
  role: v.optional(v.literal('assistant')),
  content: v.optional(v.string()),
  ...reasoning,
  tool_calls: v.optional(v.array(toCall({ index: v.number(), id: v.string() }))),
})
const first = v.literal(0)
const streamUsage = v.optional(v.nullable(usage))
const model = {
  id: v.string(),
  object: v.literal('model'),
  created: v.number(),
  owned_by: v.string(),
}

/** The answers of OpenAI's API, but for Responses. */
export const openaiAnswers = {
  OpenAIError: v.strictObject({
    error: v.strictObject({ message: v.string(), type: v.string(), code: v.string(), param: v.nullable(v.string()) }),
  }),
  ChatCompletion: v.strictObject({
    ...envelope('chat.completion'),
    choices: v.array(
      v.strictObject({
        index: first,
        message: v.strictObject({
          role: v.literal('assistant'),
          content: v.string(),
          ...reasoning,
          tool_calls: v.optional(v.array(toCall({ id: v.string() }))),
        }),
        logprobs: v.nullable(logprobs),
        finish_reason: finish,
      }),
    ),
    usage,
  }),
  ChatCompletionChunk: v.strictObject({
    ...envelope('chat.completion.chunk'),
    choices: v.array(
      v.strictObject({ index: first, delta, logprobs: v.optional(logprobs), finish_reason: v.nullable(finish) }),
    ),
    usage: streamUsage,
  }),
  Completion: v.strictObject({
    ...envelope('text_completion'),
    choices: v.array(
      v.strictObject({
        index: first,
        text: v.string(),
        reasoning: v.optional(v.string()),
        logprobs: v.null(),
        finish_reason: finish,
      }),
    ),
    usage,
  }),
  CompletionChunk: v.strictObject({
    ...envelope('text_completion'),
    choices: v.array(
      v.strictObject({
        index: first,
        text: v.string(),
        reasoning: v.optional(v.string()),
        finish_reason: v.nullable(finish),
      }),
    ),
    usage: streamUsage,
  }),
  Embeddings: v.strictObject({
    object: v.literal('list'),
    data: v.array(
      v.strictObject({
        object: v.literal('embedding'),
        index: v.number(),
        embedding: v.union([
          v.array(v.number()),
          v.pipe(v.string(), v.description('Little-endian 32-bit floats in base64, for `encoding_format: "base64"`')),
        ]),
      }),
    ),
    model: v.unknown(),
    usage: v.strictObject({ prompt_tokens: v.number(), total_tokens: v.number() }),
  }),
  Model: v.strictObject(model),
  Models: v.strictObject({ object: v.literal('list'), data: v.array(v.strictObject(model)) }),
}
