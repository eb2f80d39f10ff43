import * as v from 'valibot'
import { parse, refuse, whenGiven, type Refusals } from '../../issues.ts'
import { anyObject, boolean, integer, keep_alive, modelName, number, object, string, textOr } from '../../to-ollama.ts'
import { textFormat } from '../format.ts'
import { count, effort } from '../sampling.ts'

/** Any other type, also a future one. call.ts refuses it by its place, not for its shape. */
const other = (...known: readonly string[]) =>
  v.object({
    type: v.pipe(
      v.string(),
      v.check((type) => !known.includes(type)),
      v.transform(() => 'other' as const),
    ),
  })

const part = v.variant(
  'type',
  [
    v.object({ type: v.picklist(['input_text', 'output_text']), text: v.string() }),
    v.object({ type: v.literal('refusal'), refusal: v.string() }),
    v.object({ type: v.literal('input_image'), image_url: string, file_id: string }),
    other('input_text', 'output_text', 'refusal', 'input_image'),
  ],
  'Expected "input_text", "output_text", "refusal" or "input_image"',
)
export type Part = v.InferOutput<typeof part>

const content = textOr(v.array(part, 'Expected a text or a list of parts'))
const texts = v.nullish(v.array(v.object({ text: v.string() })))

const item = v.variant(
  'type',
  [
    v.object({
      type: v.nullish(v.literal('message'), 'message'),
      role: v.picklist(['user', 'assistant', 'system', 'developer'], 'Expected "user", "assistant", "system" or "developer"'),
      content,
    }),
    v.object({ type: v.literal('reasoning'), summary: texts, content: texts }),
    v.object({ type: v.literal('function_call'), call_id: v.string(), name: v.string(), arguments: v.string() }),
    v.object({ type: v.literal('function_call_output'), call_id: v.string(), output: content }),
    other('message', 'reasoning', 'function_call', 'function_call_output'),
  ],
  'Expected "message", "reasoning", "function_call" or "function_call_output"',
)
export type Item = v.InferOutput<typeof item>

/** Without a message Ollama would only load the model (docs/ollama.md §1). */
const input = textOr(
  v.pipe(
    v.array(item, 'Expected a text or a list of items'),
    v.check((items) => items.some(({ type }) => type !== 'reasoning'), 'Expected at least one message'),
  ),
)

const tool = v.variant(
  'type',
  [
    v.looseObject({ type: v.literal('function'), name: v.string(), description: string, parameters: v.nullish(anyObject) }),
    other('function'),
  ],
  'Expected "function"',
)

const responsesRequest = v.object({
  model: v.nullish(modelName),
  input,
  instructions: string,
  stream: boolean,
  temperature: number,
  top_p: number,
  max_output_tokens: count,
  top_logprobs: v.nullish(
    v.pipe(v.number(), v.integer('Expected an integer'), v.minValue(0, 'Expected 0 to 20'), v.maxValue(20, 'Expected 0 to 20')),
  ),
  include: v.nullish(v.array(v.string())),
  reasoning: v.nullish(object({ effort, summary: string })),
  text: v.nullish(object({ format: textFormat, verbosity: string })),
  tools: v.nullish(v.array(tool)),
  tool_choice: v.nullish(v.picklist(['auto', 'none'], 'Expected "auto" or "none"')),
  metadata: v.nullish(anyObject),
  store: boolean,
  background: boolean,
  parallel_tool_calls: boolean,
  truncation: v.nullish(v.picklist(['auto', 'disabled'], 'Expected "disabled"')),
  max_tool_calls: integer,
  /** Ollama's own field, for clients that can send more than OpenAI's. */
  keep_alive,
})
export type ResponsesRequest = v.InferOutput<typeof responsesRequest>

const stateless = 'nothing is stored; send all that was said so far as input'
const refusals: Refusals = {
  previous_response_id: { when: whenGiven, because: stateless },
  conversation: { when: whenGiven, because: stateless },
  store: { when: (value) => value === true, because: stateless },
  background: { when: (value) => value === true, because: 'nothing is stored; the answer comes with its request' },
  prompt: { when: whenGiven, because: 'templates are stored at OpenAI; send instructions and input' },
  truncation: { when: (value) => value === 'auto', because: 'Ollama shortens what its context does not hold in its own way' },
  context_management: { when: (value) => Array.isArray(value) && value.length > 0, because: 'nothing is compacted' },
  moderation: { when: whenGiven, because: 'nothing is moderated' },
  max_tool_calls: { when: whenGiven, because: 'Ollama does not limit how many calls a model makes' },
  parallel_tool_calls: { when: (value) => value === false, because: 'Ollama does not limit how many calls a model makes' },
  tool_choice: { when: (value) => value === 'required' || typeof value === 'object', because: 'Ollama lets the model choose' },
}

/**
 * `POST /v1/responses`: https://platform.openai.com/docs/api-reference/responses/create
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function parseResponsesRequest(body: Readonly<Record<string, unknown>>): ResponsesRequest {
  // Refusals come first: a request with a template has no input, and the template is what should be
  // named.
  refuse(body, refusals)
  return parse(responsesRequest, body)
}
