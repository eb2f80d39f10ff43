import type * as v from 'valibot'
import type { FieldRules } from '../../src/dialects/read-request.ts'
import { reasons } from '../../src/dialects/refusals.ts'
import { whenGiven } from '../../src/dialects/read-request.ts'
import type { JsonSchema } from './json-schema.ts'
import { absentRef, toInputSchema } from './to-input-schema.ts'

/** Any other value of a field is left out (docs/protocol.md#6-dialects). */
const leftOut: JsonSchema = { description: 'Any other value is left out, and named in `x-sluice-ignored`' }

/**
 * Converts the rules of `readRequest` into the schema of a body. An empty value of a field counts as
 * absent, and unknown fields are accepted.
 */
export function toBody<TEntries extends v.ObjectEntries>({
  schema,
  needed,
  refusals = {},
  wishes = {},
  hints = [],
}: FieldRules<TEntries>): JsonSchema {
  const entries = Object.entries<v.GenericSchema>(schema.entries as Readonly<Record<string, v.GenericSchema>>)
  const required = entries.filter(([, entry]) => entry.type !== 'nullish').map(([name]) => name)
  const fields = entries.map(([name, entry]) => {
    const given = toGiven(entry)
    if (required.includes(name)) return [name, toFilled(given)] as const
    return [name, { anyOf: [...toChoices(given), needed.includes(name) ? absentRef : leftOut] }] as const
  })
  const refused = Object.entries(refusals).map(([name, { when, reason }]) => {
    const description = `Refused with \`not_supported\`, ${when === whenGiven ? '' : 'unless it asks for nothing, '}because ${reasons[reason]}`
    return [name, { ...(when === whenGiven && absentRef), description }] as const
  })
  const others = [
    ...Object.keys(wishes).map((name) => [name, 'Left out, or weakened, and named in `x-sluice-ignored`'] as const),
    ...hints.map((name) => [name, 'Accepted, without an effect on the answer'] as const),
  ].map(([name, description]) => [name, { description }] as const)
  return {
    type: 'object',
    properties: Object.fromEntries<JsonSchema>([...others, ...refused, ...fields]),
    required,
    additionalProperties: true,
    description:
      'Fields that are not listed are accepted, and counted in `x-sluice-ignored`. A schema cannot say all: an image or a ' +
      'tool that a client would rely upon, for example, can still be refused (docs/compatibility.md)',
  }
}

/** The schema of a field without the null that means absent. */
function toGiven(entry: v.GenericSchema): JsonSchema {
  return toInputSchema(entry.type === 'nullish' && 'wrapped' in entry ? (entry.wrapped as v.GenericSchema) : entry)
}

const toChoices = (schema: JsonSchema) => (Array.isArray(schema.anyOf) ? (schema.anyOf as readonly JsonSchema[]) : [schema])

/** Excludes the empty values, which count as absent. */
function toFilled(schema: JsonSchema): JsonSchema {
  if (Array.isArray(schema.anyOf)) return { ...schema, anyOf: (schema.anyOf as readonly JsonSchema[]).map(toFilled) }
  if (schema.type === 'string') return { ...schema, minLength: 1 }
  if (schema.type === 'array') return { ...schema, minItems: 1 }
  return schema
}
