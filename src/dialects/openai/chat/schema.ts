import * as v from 'valibot'
import { isObject } from '../../../exact-json.ts'
import type { Ignored } from '../../ignored.ts'
import { readRequest, type FieldRules } from '../../read-request.ts'
import { boolean, object } from '../../to-ollama.ts'
import { responseFormat } from '../format.ts'
import { topLogprobs } from '../logprobs.ts'
import { sampling, samplingHints, samplingRefusals, samplingWishes } from '../sampling.ts'

/**
 * Only the role is validated here. A model may have written the other fields, and models can write
 * invalid values. So call.ts accepts any value there.
 */
const message = object({ role: v.string() })
export type Message = v.InferOutput<typeof message>

const schema = v.object({
  ...sampling,
  messages: v.array(message),
  tools: v.nullish(v.array(v.unknown())),
  tool_choice: v.nullish(v.unknown()),
  response_format: responseFormat,
  logprobs: boolean,
  top_logprobs: topLogprobs,
})
export type ChatRequest = v.InferOutput<typeof schema>

const has = (modality: string) => (value: unknown) => Array.isArray(value) && value.includes(modality)

export const rules: FieldRules<typeof schema.entries> = {
  schema,
  needed: ['model', 'messages', 'stream', 'tools', 'response_format'],
  refusals: {
    ...samplingRefusals,
    modalities: { when: has('audio'), reason: 'audio' },
    function_call: { when: (value) => isObject(value), reason: 'tool' },
  },
  wishes: {
    ...samplingWishes,
    parallel_tool_calls: (value) => value !== true,
    modalities: (value) => !Array.isArray(value) || value.some((modality) => modality !== 'text'),
    audio: () => true,
    functions: () => true,
    function_call: (value) => value !== 'none',
    verbosity: (value) => value !== 'medium',
    web_search_options: () => true,
    moderation: () => true,
  },
  hints: [...samplingHints, 'prediction'],
}

/**
 * `POST /v1/chat/completions`: https://platform.openai.com/docs/api-reference/chat/create
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function parseChatRequest(body: Readonly<Record<string, unknown>>, ignored: Ignored): ChatRequest {
  return readRequest(body, rules, ignored)
}
