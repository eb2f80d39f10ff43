import { toJsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import { checkedFields } from '../../src/dialects/ollama/schema.ts'
import { absent, anyObject, exactNumber } from '../../src/dialects/to-ollama.ts'
import { toRef, type JsonSchema } from './json-schema.ts'

/** The values that count as absent (`isAbsent` of src/dialects/to-ollama.ts). */
export const absentSchema: JsonSchema = {
  anyOf: [{ enum: [null, ''] }, { type: 'array', maxItems: 0 }, { type: 'object', maxProperties: 0 }],
  description: 'Asks for nothing, and counts as absent',
}
export const absentRef = toRef('Absent')

/**
 * Converts the Valibot schema of a request, or of one of its fields. The result describes what a
 * client may send.
 * @throws Error if the schema has a part that cannot be converted. A new check needs an entry in
 * `checks`.
 */
export function toInputSchema(schema: v.GenericSchema): JsonSchema {
  const { $schema: _schema, ...converted } = toJsonSchema(toStatic(schema), {
    target: 'draft-2020-12',
    typeMode: 'input',
    overrideSchema({ valibotSchema, jsonSchema }) {
      if ((valibotSchema as v.GenericSchema) === absentMarker) return absentRef
      if (isSame(valibotSchema, exactNumber)) return { type: 'number' }
      if (isSame(valibotSchema, anyObject)) return { type: 'object' }
      if (valibotSchema.type === 'undefined') return { not: {} }
      return jsonSchema
    },
    overrideAction({ valibotAction, jsonSchema, errors }) {
      if (valibotAction.type === 'check') return { ...jsonSchema, ...toCheck(valibotAction as v.GenericValidation) }
      if (!errors) return jsonSchema
      throw new Error(`Cannot convert an action: ${errors.join(', ')}`)
    },
  }) as JsonSchema
  return toFlat(converted) as JsonSchema
}

/** Joins choices within choices. null is absent anyway. */
function toFlat(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toFlat)
  if (typeof schema !== 'object' || schema === null) return schema
  const flat = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, toFlat(part)])) as JsonSchema
  if (!Array.isArray(flat.anyOf)) return flat
  const choices = (flat.anyOf as readonly JsonSchema[]).flatMap((choice) => {
    const isChoice = Array.isArray(choice.anyOf) && Object.keys(choice).length === 1
    return isChoice ? (choice.anyOf as readonly JsonSchema[]) : [choice]
  })
  const canBeAbsent = choices.some(({ $ref }) => $ref === absentRef.$ref)
  return { ...flat, anyOf: canBeAbsent ? choices.filter(({ type }) => type !== 'null') : choices }
}

const absentMarker = v.custom(() => true)

const isSame = (a: unknown, b: unknown) => a === b

/** Values that lead the lazy schemas of the dialects to each of their branches. */
const probes = [null, 'text', ['list'], { type: 'json_schema' }, { type: 'text' }]

/**
 * Replaces what the converter cannot look into. A lazy schema becomes the union of its branches. A
 * pipe of `anyObject` and an object schema becomes the object schema alone, because a JSON schema of
 * an object accepts no array.
 */
function toStatic(schema: v.GenericSchema): v.GenericSchema {
  if (isSame(schema, absent)) return absentMarker
  const { type, pipe, getter, wrapped, item, entries, options } = schema as Parts
  if (pipe) {
    const isObjectTwice = isSame(pipe[0], anyObject) && pipe[1]?.kind === 'schema'
    const items = (isObjectTwice ? pipe.slice(1) : pipe).map((part) => (part.kind === 'schema' ? toStatic(part) : part))
    return { ...items[0], pipe: items } as unknown as v.GenericSchema
  }
  if (getter) return toUnion(getter)
  const parts = {
    ...(wrapped && { wrapped: toStatic(wrapped) }),
    ...(item && { item: toStatic(item) }),
    ...(entries && { entries: Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, toStatic(entry)])) }),
    ...(type === 'union' && { options: options!.map((option) => toStatic(option as v.GenericSchema)) }),
  }
  return Object.keys(parts).length === 0 ? schema : { ...schema, ...parts }
}

interface Parts {
  readonly type: string
  readonly pipe?: readonly v.GenericSchema[]
  readonly getter?: (value: unknown) => v.GenericSchema
  readonly wrapped?: v.GenericSchema
  readonly item?: v.GenericSchema
  readonly entries?: Readonly<Record<string, v.GenericSchema>>
  readonly options?: readonly unknown[]
}

function toUnion(getter: (value: unknown) => v.GenericSchema): v.GenericSchema {
  const branches = new Map(probes.map(getter).map((branch) => [isPlainText(branch) ? 'text' : branch, branch]))
  return v.union([...branches.values()].map(toStatic))
}

/** A getter may create a new `v.string()` for each value. */
const isPlainText = (schema: v.GenericSchema) => schema.type === 'string' && !('pipe' in schema)

/** What the checks of the requests mean, by their messages. */
const checks: Readonly<Record<string, JsonSchema>> = {
  'Expected an integer': { type: 'integer' },
  'Expected 0 to 20': { minimum: 0, maximum: 20 },
  'Expected a model name such as gemma3:270m': {
    // The grammar of `isModelName` of packages/ollama-grammar/model-name.ts.
    pattern: '^((\\w[\\w.-]*(:\\d{1,5})?/)?\\w[\\w.-]*/)?\\w[\\w.-]*(:\\w[\\w.-]*)?$',
  },
  'Expected a model name without ..': { not: { pattern: '\\.\\.' } },
  'Expected a text that is not blank': { pattern: '\\S' },
  // Origins of http(s) are as `URL` writes them, which a pattern cannot say.
  'Expected an origin such as https://chat.example': { pattern: '^[a-z][a-z\\d+.-]*://[\\w.:\\[\\]-]+$' },
  'Expected a model': { anyOf: ['model', 'name'].map(toNamed) },
  'Expected the names of fields in lower case': {
    propertyNames: { anyOf: [{ enum: [...checkedFields] }, { not: { pattern: toAnyCase([...checkedFields]) } }] },
  },
}

function toCheck(action: v.GenericValidation): JsonSchema {
  const message = 'message' in action ? action.message : undefined
  const check = typeof message === 'string' ? checks[message] : undefined
  if (!check)
    throw new Error(`Cannot convert the check \`${String(message)}\`: build/openapi/to-input-schema.ts does not know it`)
  return check
}

function toNamed(field: string): JsonSchema {
  return { required: [field], properties: { [field]: { type: 'string', minLength: 1 } } }
}

/** A pattern of these names in any case. Go also treats ſ as s, and the Kelvin sign as k. */
function toAnyCase(names: readonly string[]): string {
  const letters: Readonly<Record<string, string>> = { s: '[sSſ]', k: '[kK\u212a]', _: '_' }
  const toPattern = (name: string) =>
    Array.from(name, (letter) => letters[letter] ?? `[${letter}${letter.toUpperCase()}]`).join('')
  return `^(${names.map(toPattern).join('|')})$`
}
