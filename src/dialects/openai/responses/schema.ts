import * as v from 'valibot'
import { anyObject, boolean, integer, keep_alive, modelName, object, string } from '../fields.ts'
import { reasoningEfforts } from '../reasoning-effort.ts'
import { input } from './input.ts'
import { other } from './other.ts'

const number = v.nullish(v.number())

const tool = v.variant(
  'type',
  [
    v.looseObject({ type: v.literal('function'), name: v.string(), description: string, parameters: v.nullish(anyObject) }),
    other('function'),
  ],
  'Expected "function"',
)

const format = v.variant(
  'type',
  [
    v.looseObject({ type: v.literal('text') }),
    v.looseObject({ type: v.literal('json_object') }),
    v.looseObject({ type: v.literal('json_schema'), schema: anyObject }),
  ],
  'Expected "text", "json_object" or "json_schema"',
)

/** `POST /v1/responses`: https://platform.openai.com/docs/api-reference/responses/create */
export const responsesRequest = v.object({
  model: v.nullish(modelName),
  input,
  instructions: string,
  stream: boolean,
  temperature: number,
  top_p: number,
  max_output_tokens: v.nullish(v.pipe(v.number(), v.integer('Expected an integer'), v.minValue(1, 'Expected at least 1'))),
  top_logprobs: v.nullish(
    v.pipe(v.number(), v.integer('Expected an integer'), v.minValue(0, 'Expected 0 to 20'), v.maxValue(20, 'Expected 0 to 20')),
  ),
  include: v.nullish(v.array(v.string())),
  reasoning: v.nullish(
    object({
      effort: v.nullish(v.picklist(reasoningEfforts, 'Expected "none", "minimal", "low", "medium", "high", "xhigh" or "max"')),
      summary: string,
    }),
  ),
  text: v.nullish(object({ format: v.nullish(format), verbosity: string })),
  tools: v.nullish(v.array(tool)),
  tool_choice: v.nullish(v.picklist(['auto', 'none'], 'Expected "auto" or "none"')),
  metadata: v.nullish(anyObject),
  store: boolean,
  background: boolean,
  parallel_tool_calls: boolean,
  truncation: v.nullish(v.picklist(['auto', 'disabled'], 'Expected "disabled"')),
  max_tool_calls: integer,
  /** Ollama's own, for clients that can send more than OpenAI knows. */
  keep_alive,
})

export type ResponsesRequest = v.InferOutput<typeof responsesRequest>
