import * as v from 'valibot'
import { isObject } from '../../exact-json.ts'
import type { Ignored } from '../ignored.ts'
import { readRequest, type FieldRules } from '../read-request.ts'
import { anyObject, boolean, integer, isAbsent, model, number, object, optional } from '../to-ollama.ts'

/**
 * Only the role is validated here. A model may have written the other fields, and models can write
 * invalid values. So messages.ts accepts any value there.
 */
const message = object({ role: v.string() })
export type Message = v.InferOutput<typeof message>

const outputFormat = optional(v.object({ type: v.literal('json_schema'), schema: anyObject }))

const schema = v.object({
  model,
  max_tokens: integer,
  system: v.nullish(v.union([v.string(), v.array(v.unknown())], 'Expected a text or a list of blocks')),
  messages: v.array(message),
  stream: boolean,
  temperature: number,
  top_p: number,
  top_k: integer,
  stop_sequences: v.nullish(v.array(v.string())),
  thinking: v.nullish(object({ type: v.string() })),
  tools: v.nullish(v.array(v.unknown())),
  tool_choice: v.nullish(object({ type: v.string() })),
  output_config: v.nullish(object({ format: outputFormat })),
  /** The name that `output_config.format` had during its beta. */
  output_format: outputFormat,
})
export type MessagesRequest = v.InferOutput<typeof schema>

export const rules: FieldRules<typeof schema.entries> = {
  schema,
  needed: ['model', 'system', 'messages', 'stream', 'tools', 'output_config', 'output_format'],
  wishes: {
    container: () => true,
    context_management: (value) => !isObject(value) || !isAbsent(value.edits),
    mcp_servers: () => true,
    inference_geo: () => true,
  },
  hints: ['metadata', 'service_tier', 'speed', 'diagnostics', 'cache_control', 'betas'],
}

/**
 * `POST /v1/messages`: https://docs.claude.com/en/api/messages
 * @throws ServiceError `invalid_request`
 */
export function parseMessagesRequest(body: Readonly<Record<string, unknown>>, ignored: Ignored): MessagesRequest {
  return readRequest(body, rules, ignored)
}
