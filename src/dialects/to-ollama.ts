import { isModelName } from '#ollama-grammar/model-name.ts'
import type { Message, Options } from 'ollama/browser'
import * as v from 'valibot'
import { isNumber, isObject, toNumber, type ExactNumber } from '../exact-json.ts'
import type { Ignored } from './ignored.ts'

/**
 * What the dialects share on the way to Ollama: the fields of Ollama's requests, and how the
 * fields of other APIs become them.
 */

// Schemas. A null counts as absent, as it does for Ollama.

/** A number that keeps its digits on its way to Ollama. */
export const exactNumber = v.custom<ExactNumber>(isNumber, 'Expected number')

/**
 * `5.0` becomes a 5, because Ollama reads some of its fields as Go's `int`, which takes no point.
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

/** null, an empty text, an empty list and an empty object count as absent, in every dialect. */
export function isAbsent(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return Array.isArray(value) ? value.length === 0 : typeof value === 'object' && Object.keys(value).length === 0
}

const absent = v.pipe(
  v.unknown(),
  v.transform(() => undefined),
)

/**
 * A field within another one, which may be absent. `readRequest` does the same for the
 * fields of the request itself.
 */
export const optional = <const TSchema extends v.GenericSchema>(schema: TSchema) =>
  v.nullish(
    v.lazy((value): v.GenericSchema<unknown, v.InferOutput<TSchema> | undefined> => (isAbsent(value) ? absent : schema)),
  )

/** Keeps every key. Valibot would drop a tool's argument that is called `constructor`. */
export const anyObject = v.custom<Readonly<Record<string, unknown>>>(isObject, 'Expected an object')

/**
 * An object with these fields and any others. Valibot accepts an array, Ollama does not
 * (docs/hazards.md#48).
 */
export const object = <const TEntries extends v.ObjectEntries>(entries: TEntries) => v.pipe(anyObject, v.looseObject(entries))

/** This is no union, because a union's issue would not say which element of the list is wrong. */
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
/** Newer models define levels of their own, so there is no list of them. */
export const think = v.nullish(v.union([v.boolean(), v.string()]))

/** A tool that is offered to the model. */
export const tool = v.looseObject({
  type: string,
  function: v.looseObject({ name: v.string(), description: string, parameters: v.nullish(anyObject) }),
})

/**
 * A message of Ollama's chat. Ollama checks no roles, because some models have roles of their own.
 */
export interface OllamaMessage extends Omit<Message, 'images' | 'tool_calls'> {
  images?: string[]
  tool_calls?: object[]
  tool_call_id?: string
}

/** Ollama's options and their types. A newer Ollama has others. */
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
 * Ollama's options without those of a wrong type, because Ollama answers them with a 500
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

/** Leaves out the fields that are null or undefined: both mean absent in every API. */
export function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
}

/** Padded base64, in lines or not. It refuses a data URL and the path of a file. */
export function isBase64(text: string): boolean {
  const joined = text.replaceAll(/[\r\n]/g, '')
  return joined.length > 0 && joined.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(joined)
}

/**
 * Ollama's `stop` of another API's stop sequences; undefined if there are none. An empty list
 * would replace the model's own sequences, and an empty sequence would end the answer before its
 * first token.
 */
export function toStop(stop: string | readonly string[] | null | undefined): string[] | undefined {
  const sequences = [stop ?? []].flat().filter((sequence) => sequence !== '')
  return sequences.length > 0 ? sequences : undefined
}

/** The levels of thinking that have another name in Ollama. All others have the same name. */
const efforts: ReadonlyMap<string, boolean | string> = new Map<string, boolean | string>([
  ['none', false],
  ['minimal', 'low'],
  ['xhigh', 'max'],
])

/**
 * Ollama's `think` of a reasoning effort. An unknown level is passed on, because newer models
 * define their own. undefined leaves the choice to the model.
 */
export function toThink(effort: string | null | undefined): boolean | string | undefined {
  return effort ? (efforts.get(effort) ?? effort) : undefined
}

/**
 * A limit of tokens as `num_predict`. 0 and less mean no limit, in every API that is served here.
 */
export function toLimit(tokens: ExactNumber | null | undefined): ExactNumber | undefined {
  return tokens && toNumber(tokens) > 0 ? tokens : undefined
}
