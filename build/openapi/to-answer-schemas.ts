import { toJsonSchemaDefs } from '@valibot/to-json-schema'
import type * as v from 'valibot'
import type { JsonSchema } from './json-schema.ts'

/**
 * Converts the named schemas of answers. A client must ignore fields that it does not know, because
 * a later version may send more of them. So the published schemas accept further fields.
 * @param isExact whether they are refused instead, as the tests want it
 */
export function toAnswerSchemas(
  schemas: Readonly<Record<string, v.GenericSchema>>,
  isExact: boolean,
): Readonly<Record<string, JsonSchema>> {
  return toJsonSchemaDefs(schemas, {
    target: 'draft-2020-12',
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
    overrideSchema({ valibotSchema, jsonSchema, errors }) {
      if (errors) throw new Error(`Cannot convert a schema: ${errors.join(', ')}`)
      if (valibotSchema.type === 'strict_object' && !isExact) delete jsonSchema.additionalProperties
      return jsonSchema
    },
  }) as Readonly<Record<string, JsonSchema>>
}
