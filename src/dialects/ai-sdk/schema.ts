import * as v from 'valibot'
import type { Ignored } from '../ignored.ts'
import { readRequest, type FieldRules } from '../read-request.ts'
import { anyObject, format, keep_alive, model, object, string, think } from '../to-ollama.ts'

/**
 * Only the role is validated here. A model may have written the other fields, and models can write
 * invalid values. So call.ts accepts any value there.
 */
const message = object({ role: v.string() })
export type UiMessage = v.InferOutput<typeof message>

const schema = v.object({
  messages: v.array(message),
  model,
  system: string,
  tools: v.nullish(v.array(v.unknown())),
  think,
  format,
  options: v.nullish(anyObject),
  keep_alive,
})
export type UiChatRequest = v.InferOutput<typeof schema>

export const rules: FieldRules<typeof schema.entries> = {
  schema,
  needed: ['messages', 'model', 'system', 'tools', 'format'],
  // `trigger` and `stream` have no effect, because every request generates an answer as a stream.
  hints: ['id', 'trigger', 'messageId', 'stream'],
}

/**
 * Parses the body that `DefaultChatTransport` posts, including the fields that a web page may add.
 * @throws ServiceError `invalid_request`
 */
export function parseUiChatRequest(body: Readonly<Record<string, unknown>>, ignored: Ignored): UiChatRequest {
  return readRequest(body, rules, ignored)
}
