import { isModelName } from '#ollama-grammar/model-name.ts'
import type { Message, Options } from 'ollama/browser'
import * as v from 'valibot'
import { isNumber, isObject, toNumber, type ExactNumber } from '../exact-json.ts'
import type { Ignored } from './ignored.ts'

/**
 * Helpers that several dialects share: schemas of Ollama's fields, and functions that convert
 * values into these fields.
 */

// Schemas. A null counts as absent, as in Ollama.

/** A number that is sent to Ollama with all its digits. */
export const exactNumber = v.custom<ExactNumber>(isNumber, 'Expected number')

/**
 * An integer for Ollama. `5.0` is converted to `5`, because Ollama parses some fields as a Go
 * `int`, and Go rejects `5.0`.
 */
export const exactInteger = v.pipe(
  exactNumber,
  v.check((value) => Number.isInteger(toNumber(value)), 'Expected an integer'),
  v.transform((value) => (Number.isSafeInteger(toNumber(value)) ? toNumber(value) : value)),
)

export const integer = v.nullish(exactInteger)
export const number = v.nullish(exactNumber)
export const boolean = v.nullish(v.boolean())
export const string = v.nullish(v.string())

/** Whether a value counts as absent: null, an empty text, an empty list or an empty object. */
export function isAbsent(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return Array.isArray(value) ? value.length === 0 : typeof value === 'object' && Object.keys(value).length === 0
}

/** Accepts the values of `isAbsent`, and converts them to undefined. */
export const absent = v.pipe(
  v.unknown(),
  v.transform(() => undefined),
)

/**
 * An optional nested field. An empty value counts as absent. For top-level fields, `readRequest`
 * already removes empty values.
 */
export const optional = <const TSchema extends v.GenericSchema>(schema: TSchema) =>
  v.nullish(
    v.lazy((value): v.GenericSchema<unknown, v.InferOutput<TSchema> | undefined> => (isAbsent(value) ? absent : schema)),
  )

/** An object with all its keys. Valibot's object schemas would drop a key named `constructor`. */
export const anyObject = v.custom<Readonly<Record<string, unknown>>>(isObject, 'Expected an object')

/**
 * An object with these fields and any others. Ollama refuses arrays, but Valibot's `looseObject`
 * accepts them. So `anyObject` rejects arrays first (docs/hazards.md#48).
 */
export const object = <const TEntries extends v.ObjectEntries>(entries: TEntries) => v.pipe(anyObject, v.looseObject(entries))

/**
 * A text or a list. `v.union` is not used, because its error would not tell which element of the
 * list is wrong.
 */
export const textOr = <const TList extends v.GenericSchema>(list: TList) =>
  v.lazy((value): v.GenericSchema<string | v.InferOutput<TList>> => (typeof value === 'string' ? v.string() : list))

export const modelName = v.pipe(
  v.string(),
  v.maxLength(256, 'Expected at most 256 characters'),
  v.check(isModelName, 'Expected a model name such as gemma3:270m'),
  v.check((name) => !name.includes('..'), 'Expected a model name without ..'),
)

export const model = v.nullish(modelName)
export const keep_alive = v.nullish(v.union([exactNumber, v.string()]))
export const format = v.nullish(v.union([v.literal('json'), anyObject], 'Expected "json" or a JSON schema'))
/** On, off or a level. Any level is accepted, because newer models define their own levels. */
export const think = v.nullish(v.union([v.boolean(), v.string()]))

/** A tool that is offered to the model. */
export const tool = v.looseObject({
  type: string,
  function: v.looseObject({ name: v.string(), description: string, parameters: v.nullish(anyObject) }),
})

/** A message in Ollama's chat. `role` is any string, because some models define their own roles. */
export interface OllamaMessage extends Omit<Message, 'images' | 'tool_calls'> {
  images?: string[]
  tool_calls?: object[]
  tool_call_id?: string
}

/** The types of Ollama's known options. A newer Ollama may have more options. */
const optionTypes: Readonly<Record<string, v.GenericSchema>> = {
  num_keep: integer,
  seed: integer,
  num_predict: integer,
  top_k: integer,
  top_p: number,
  min_p: number,
  typical_p: number,
  repeat_last_n: integer,
  temperature: number,
  repeat_penalty: number,
  presence_penalty: number,
  frequency_penalty: number,
  stop: v.nullish(v.array(v.string())),
  num_ctx: integer,
  num_batch: integer,
  num_gpu: integer,
  main_gpu: integer,
  num_thread: integer,
  use_mmap: boolean,
} satisfies Partial<Record<keyof Options, v.GenericSchema>>

/**
 * Removes options whose values have a wrong type, because Ollama would answer with the status 500
 * (docs/ollama.md#1-stream).
 */
export function toOptions(
  options: Readonly<Record<string, unknown>> | null | undefined,
  ignored: Ignored,
): Record<string, unknown> | undefined {
  if (!options) return undefined
  const isValid = ([name, value]: [string, unknown]) => {
    const isInvalid = Object.hasOwn(optionTypes, name) && !v.is(optionTypes[name]!, value)
    if (isInvalid) ignored.add(`options.${name}`)
    return !isInvalid
  }
  return Object.fromEntries(Object.entries(options).filter(isValid))
}

/** Removes fields that are null or undefined. Both mean absent in every API. */
export function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
}

/** Whether a text is padded base64. Line breaks are allowed. */
export function isBase64(text: string): boolean {
  const joined = text.replaceAll(/[\r\n]/g, '')
  return joined.length > 0 && joined.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(joined)
}

/**
 * Converts stop sequences into Ollama's `stop`. Returns undefined if there are none, because an
 * empty list would replace the default sequences of the model. Empty sequences are removed, because
 * they would end the answer before its first token.
 */
export function toStop(stop: string | readonly string[] | null | undefined): string[] | undefined {
  const sequences = [stop ?? []].flat().filter((sequence) => sequence !== '')
  return sequences.length > 0 ? sequences : undefined
}

/** Reasoning efforts that have another name in Ollama. All other efforts keep their name. */
const efforts: ReadonlyMap<string, boolean | string> = new Map<string, boolean | string>([
  ['none', false],
  ['minimal', 'low'],
  ['xhigh', 'max'],
])

/**
 * Converts a reasoning effort into Ollama's `think`. An unknown effort is passed on, because newer
 * models define their own efforts. Returns undefined if there is no effort, so that the model
 * decides.
 */
export function toThink(effort: string | null | undefined): boolean | string | undefined {
  return effort ? (efforts.get(effort) ?? effort) : undefined
}

/** Converts a token limit into Ollama's `num_predict`. A limit of 0 or less means no limit. */
export function toLimit(tokens: ExactNumber | null | undefined): ExactNumber | undefined {
  return tokens && toNumber(tokens) > 0 ? tokens : undefined
}
