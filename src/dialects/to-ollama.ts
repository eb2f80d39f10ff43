import { isModelName } from '#ollama-grammar/model-name.ts'
import * as v from 'valibot'
import { invalidRequest, notSupported } from './issues.ts'

/**
 * What the dialects share of the way to Ollama: the fields of Ollama's requests, and how others
 * become them.
 */

// Schemas. null is absent, as it is for Ollama.

export const integer = v.nullish(v.pipe(v.number(), v.integer('Expected an integer')))
export const number = v.nullish(v.number())
export const boolean = v.nullish(v.boolean())
export const string = v.nullish(v.string())

/** Keeps every key. Valibot would drop a tool's argument that is called `constructor`. */
export const anyObject = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'Expected an object',
)

/** These fields and any others. Valibot accepts an array, Ollama does not (hazard 48). */
export const object = <const TEntries extends v.ObjectEntries>(entries: TEntries) => v.pipe(anyObject, v.looseObject(entries))

/** No union, because a union's issue would not say which element of the list is wrong. */
export const textOr = <const TList extends v.GenericSchema>(list: TList) =>
  v.lazy((value): v.GenericSchema<string | v.InferOutput<TList>> => (typeof value === 'string' ? v.string() : list))

export const modelName = v.pipe(
  v.string(),
  v.maxLength(256, 'Expected at most 256 characters'),
  v.check(isModelName, 'Expected a model name such as gemma3:270m'),
  v.check((name) => !name.includes('..'), 'Expected a model name without ..'),
)

export const base64 = v.pipe(v.string(), v.check(isBase64, 'Expected base64'))

/** Each type is checked, because Ollama answers a wrong one with a 500 (docs/ollama.md §1). */
export const options = v.nullish(
  object({
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
  }),
)

export const keep_alive = v.nullish(v.union([v.number(), v.string()], 'Expected seconds or a duration such as "5m"'))

/** The fields that Ollama's generate and chat share. */
export const common = {
  model: v.nullish(modelName),
  stream: boolean,
  options,
  format: v.nullish(v.union([v.literal('json'), v.literal(''), anyObject], 'Expected "json" or a JSON schema')),
  keep_alive,
  think: v.nullish(
    v.union(
      [v.boolean(), v.picklist(['low', 'medium', 'high', 'max'])],
      'Expected a boolean, "low", "medium", "high" or "max"',
    ),
  ),
  logprobs: boolean,
  top_logprobs: integer,
}

/** A tool that is offered to the model. */
export const tool = v.looseObject({
  type: string,
  function: v.looseObject({ name: v.string(), description: string, parameters: v.nullish(anyObject) }),
})

/** A message of Ollama's chat. */
export interface OllamaMessage {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
  thinking?: string
  images?: string[]
  tool_calls?: object[]
  tool_name?: string
  tool_call_id?: string
}

/** Leaves out the fields that are null or undefined: both mean absent in every API. */
export function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
}

/**
 * The base64 of an image's data URL. The image at any other URL is not fetched: a reader must not
 * choose what the server connects to.
 * @throws ServiceError `not_supported` for another URL, `invalid_request` for a data URL without an
 * image in base64
 */
export function toImage(url: string, path: string): string {
  if (!/^data:/i.test(url)) throw notSupported(path, 'send the image as a data URL; others are not fetched')
  const [head = '', data = ''] = url.split(',', 2)
  if (/^data:image\/[\w.+-]+(?:;[\w=.-]+)*;base64$/i.test(head) && isBase64(data)) return data
  throw invalidRequest(path, 'Expected a data URL of an image in base64')
}

/** Padded base64. It refuses a data URL and the path of a file. */
function isBase64(text: string): boolean {
  return text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

/**
 * Ollama's `stop` of another API's stop sequences; undefined if there are none. An empty list would
 * replace the model's own sequences, and an empty sequence would end the answer before its first
 * token.
 */
export function toStop(stop: string | readonly string[] | null | undefined): string[] | undefined {
  const sequences = [stop ?? []].flat().filter((sequence) => sequence !== '')
  return sequences.length > 0 ? sequences : undefined
}

const efforts = { none: false, minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'max', max: 'max' } as const

export type ReasoningEffort = keyof typeof efforts
export const reasoningEfforts = Object.keys(efforts) as ReasoningEffort[]

/** Ollama's `think` of a reasoning effort. undefined leaves the choice to the model. */
export function toThink(effort: ReasoningEffort | null | undefined): boolean | 'low' | 'medium' | 'high' | 'max' | undefined {
  return effort ? efforts[effort] : undefined
}

/** How deep a body may be nested (docs/protocol.md §4, `invalid_json`). */
const maxDepth = 32

/**
 * The arguments of an earlier tool call: other APIs have them as JSON text, Ollama as an object.
 * @throws ServiceError `invalid_request` for a text that is not the JSON of an object, or is nested
 * too deep
 */
export function toArguments(text: string, path: string): object {
  const value = parseText(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && isWithin(value, maxDepth)) return value
  throw invalidRequest(path, 'Expected the JSON text of an object')
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((inner) => isWithin(inner, depth - 1))
}
