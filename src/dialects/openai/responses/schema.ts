import * as v from 'valibot'
import type { Ignored } from '../../ignored.ts'
import { readRequest, whenGiven, type FieldRules } from '../../read-request.ts'
import { refused } from '../../refusals.ts'
import { anyObject, boolean, integer, keep_alive, modelName, number, object, string, textOr } from '../../to-ollama.ts'
import { textFormat } from '../format.ts'
import { topLogprobs } from '../logprobs.ts'
import { samplingHints } from '../sampling.ts'

const schema = v.object({
  model: v.nullish(modelName),
  /**
   * A model may have written the items, and models can write invalid values. So messages.ts accepts
   * any fields in an item.
   */
  input: textOr(v.array(anyObject, 'Expected a text or a list of items')),
  instructions: string,
  stream: boolean,
  background: boolean,
  store: boolean,
  temperature: number,
  top_p: number,
  max_output_tokens: integer,
  top_logprobs: topLogprobs,
  include: v.nullish(v.array(v.string())),
  reasoning: v.nullish(object({ effort: string })),
  text: v.nullish(object({ format: textFormat })),
  tools: v.nullish(v.array(v.unknown())),
  tool_choice: v.nullish(v.unknown()),
  metadata: v.nullish(anyObject),
  /** A field of Ollama, for clients that can send fields which OpenAI does not define. */
  keep_alive,
})
export type ResponsesRequest = v.InferOutput<typeof schema>

const stored = { when: whenGiven, reason: 'stored' } as const

export const rules: FieldRules<typeof schema.entries> = {
  schema,
  needed: ['model', 'input', 'stream', 'text', 'tools'],
  refusals: {
    previous_response_id: stored,
    conversation: stored,
    prompt: stored,
  },
  wishes: {
    store: (value) => value !== false,
    truncation: (value) => value !== 'disabled',
    context_management: () => true,
    moderation: () => true,
    max_tool_calls: () => true,
    parallel_tool_calls: (value) => value !== true,
  },
  hints: [...samplingHints, 'stream_options', 'client_metadata'],
}

/**
 * `POST /v1/responses`: https://platform.openai.com/docs/api-reference/responses/create
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function parseResponsesRequest(body: Readonly<Record<string, unknown>>, ignored: Ignored): ResponsesRequest {
  const request = readRequest(body, rules, ignored)
  // OpenAI refuses this, too: a response that goes on without its reader has to be kept for a
  // while.
  if (request.background && request.store === false) throw refused('store', 'store')
  return request
}
