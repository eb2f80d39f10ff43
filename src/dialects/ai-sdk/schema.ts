import * as v from 'valibot'
import type { Ignored } from '../ignored.ts'
import { readRequest, type FieldRules } from '../read-request.ts'
import { anyObject, format, keep_alive, model, object, string, think } from '../to-ollama.ts'

/** What a message holds is read in call.ts, because a model may have written it. */
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
  // Every request generates, and every answer is a stream.
  hints: ['id', 'trigger', 'messageId', 'stream'],
}

/**
 * The body that `DefaultChatTransport` posts, with the fields that a page may add to it.
 * @throws ServiceError `invalid_request`
 */
export function parseUiChatRequest(body: Readonly<Record<string, unknown>>, ignored: Ignored): UiChatRequest {
  return readRequest(body, rules, ignored)
}
