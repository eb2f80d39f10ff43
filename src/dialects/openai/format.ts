import * as v from 'valibot'
import { isObject } from '../../exact-json.ts'
import { anyObject, optional } from '../to-ollama.ts'

const expected = 'Expected "text", "json_object" or "json_schema"'
const withoutSchema = v.looseObject({ type: v.picklist(['text', 'json_object'], expected) }, expected)

/**
 * Creates the Valibot schema of a response format. `withSchema` validates the type `json_schema`.
 * The other types have no JSON schema.
 */
const formatWith = <const TSchema extends v.GenericSchema>(withSchema: TSchema) =>
  v.lazy((format): v.GenericSchema<unknown, v.InferOutput<TSchema> | v.InferOutput<typeof withoutSchema>> =>
    isObject(format) && format.type === 'json_schema' ? withSchema : withoutSchema,
  )

/** `response_format` of a chat. */
export const responseFormat = v.nullish(
  formatWith(v.object({ type: v.literal('json_schema'), json_schema: v.object({ schema: optional(anyObject) }) })),
)

/** `text.format` of Responses. A response repeats this format, so unknown fields are kept. */
export const textFormat = optional(formatWith(v.looseObject({ type: v.literal('json_schema'), schema: optional(anyObject) })))

/**
 * Returns Ollama's `format`. undefined means free text. A `json_schema` format without a schema
 * becomes 'json', because the schema is optional in OpenAI's API.
 */
export function toFormat(
  type: 'text' | 'json_object' | 'json_schema' | undefined,
  schema: object | null | undefined,
): object | 'json' | undefined {
  return type === undefined || type === 'text' ? undefined : (schema ?? 'json')
}
