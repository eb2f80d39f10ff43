import * as v from 'valibot'
import { parse } from '../issues.ts'
import { common, string } from '../to-ollama.ts'

const plainRequest = v.object({
  text: v.pipe(
    v.string(),
    v.check((text) => text.trim() !== '', 'Expected a text that is not blank'),
  ),
  system: string,
  model: common.model,
  think: common.think,
  options: common.options,
  keep_alive: common.keep_alive,
})

export type PlainRequest = v.InferOutput<typeof plainRequest>

/**
 * A text and a few of Ollama's own fields. Unknown fields are dropped (docs/protocol.md §3).
 * @throws ServiceError `invalid_request`
 */
export function parsePlainRequest(body: Readonly<Record<string, unknown>>): PlainRequest {
  return parse(plainRequest, body)
}
