import * as v from 'valibot'
import { anyObject, orNothing } from '../to-ollama.ts'

const expected = 'Expected "text", "json_object" or "json_schema"'
const text = v.looseObject({ type: v.literal('text') })
const jsonObject = v.looseObject({ type: v.literal('json_object') })

/** `response_format` of a chat. */
export const responseFormat = v.nullish(
  v.variant(
    'type',
    [text, jsonObject, v.object({ type: v.literal('json_schema'), json_schema: v.object({ schema: orNothing(anyObject) }) })],
    expected,
  ),
)

/** `text.format` of Responses. A response repeats it, so unknown fields are kept. */
export const textFormat = orNothing(
  v.variant(
    'type',
    [text, jsonObject, v.looseObject({ type: v.literal('json_schema'), schema: orNothing(anyObject) })],
    expected,
  ),
)

/** Ollama's `format`; undefined leaves the answer free. A schema is optional to OpenAI. */
export function toFormat(
  type: 'text' | 'json_object' | 'json_schema' | undefined,
  schema: object | null | undefined,
): object | 'json' | undefined {
  return type === undefined || type === 'text' ? undefined : (schema ?? 'json')
}
