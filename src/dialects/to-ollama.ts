import { isModelName } from '#ollama-grammar/model-name.ts'
import * as v from 'valibot'

/** The fields of Ollama's own requests, each by its documented type. null is absent, as it is for Ollama. */

export const integer = v.nullish(v.pipe(v.number(), v.integer('Expected an integer')))
const float = v.nullish(v.number())
export const boolean = v.nullish(v.boolean())
export const string = v.nullish(v.string())

/** Kept as it is, whatever its keys: valibot would drop a `constructor`, and a tool may have an argument of that name. */
export const anyObject = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'Expected an object',
)

/** With these fields and any others. Valibot takes an array for an object, Ollama does not. */
export const object = <const TEntries extends v.ObjectEntries>(entries: TEntries) => v.pipe(anyObject, v.looseObject(entries))

export const modelName = v.pipe(
  v.string(),
  v.maxLength(256, 'Expected at most 256 characters'),
  v.check(isModelName, 'Expected a model name such as gemma3:270m'),
  v.check((name) => !name.includes('..'), 'Expected a model name without ..'),
)

/** Base64 as it is; a data URL or a file's path is not. */
export function isBase64(text: string): boolean {
  return text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

const image = v.pipe(v.string(), v.check(isBase64, 'Expected base64'))
export const images = v.nullish(v.array(image))

/** An option of a wrong type is a 500 of Ollama's (docs/ollama.md §1), so it is checked here. */
export const options = v.nullish(
  object({
    num_keep: integer,
    seed: integer,
    num_predict: integer,
    top_k: integer,
    top_p: float,
    min_p: float,
    typical_p: float,
    repeat_last_n: integer,
    temperature: float,
    repeat_penalty: float,
    presence_penalty: float,
    frequency_penalty: float,
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

/** What generate and chat share. */
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
