import * as v from 'valibot'
import type { Ignored } from '../ignored.ts'
import { readRequest, type FieldRules } from '../read-request.ts'
import { anyObject, keep_alive, model, string, think } from '../to-ollama.ts'

const schema = v.object({
  text: v.pipe(
    v.string(),
    v.check((text) => text.trim() !== '', 'Expected a text that is not blank'),
  ),
  system: string,
  model,
  think,
  options: v.nullish(anyObject),
  keep_alive,
})

export type PlainRequest = v.InferOutput<typeof schema>

export const rules: FieldRules<typeof schema.entries> = { schema, needed: ['text', 'system', 'model'], hints: ['stream'] }

/**
 * Parses a request, which has a text and a few of Ollama's fields (docs/protocol.md#3-chat). The
 * answer is always a stream.
 * @throws ServiceError `invalid_request`
 */
export function parsePlainRequest(body: Readonly<Record<string, unknown>>, ignored: Ignored): PlainRequest {
  return readRequest(body, rules, ignored)
}
