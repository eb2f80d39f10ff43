import * as v from 'valibot'
import {
  anyObject,
  base64,
  boolean,
  common,
  exactInteger,
  integer,
  keep_alive,
  modelName,
  options,
  string,
  tool,
} from '../to-ollama.ts'

/**
 * A request of Ollama's own API. Unknown fields pass through, so that a newer Ollama keeps working
 * (docs/protocol.md §2). A known field in capitals does not: to Ollama `Model` is also `model`, and
 * the last of them counts, so that Ollama would do something else than what was checked here
 * (hazard 82).
 */
const request = <const TEntries extends v.ObjectEntries>(entries: TEntries) =>
  v.pipe(
    v.looseObject(entries),
    v.check(
      (body) => Object.keys(body).every((name) => Object.hasOwn(entries, name) || !Object.hasOwn(entries, fold(name))),
      'Expected the names of fields in lower case',
    ),
  )

/** Compares like Go: capitals first, as Go takes the long s for S and the Kelvin sign for K. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase()
}

const images = v.nullish(v.array(base64))

export const generateRequest = request({
  ...common,
  prompt: string,
  suffix: string,
  system: string,
  template: string,
  raw: boolean,
  images,
  context: v.nullish(v.array(exactInteger)),
})

const toolCall = v.looseObject({ function: v.looseObject({ name: v.string(), arguments: v.nullish(anyObject) }) })

const message = v.looseObject({
  role: v.picklist(['system', 'user', 'assistant', 'tool', 'developer'], 'Expected "system", "user", "assistant" or "tool"'),
  content: string,
  thinking: string,
  images,
  tool_calls: v.nullish(v.array(toolCall)),
  tool_name: string,
})

export const chatRequest = request({
  ...common,
  messages: v.nullish(v.array(message)),
  tools: v.nullish(v.array(tool)),
})

/** The default model is for generations only. `name` is Ollama's old word for `model`. */
const named = <const TEntries extends v.ObjectEntries>(entries: TEntries) =>
  v.pipe(
    request({ model: v.nullish(modelName), name: v.nullish(modelName), ...entries }),
    v.check(({ model, name }) => Boolean(model ?? name), 'Expected a model'),
  )

export const showRequest = named({ verbose: boolean })

const text = v.union([v.string(), v.array(v.string())], 'Expected a text or a list of texts')
export const embedRequest = request({
  model: modelName,
  input: v.nullish(text),
  truncate: boolean,
  dimensions: integer,
  options,
  keep_alive,
})
export const embeddingsRequest = request({ model: modelName, prompt: string, options, keep_alive })

/** Pull, push and create. The name of a cloud model must say that it is one. */
export const progressRequest = named({
  stream: boolean,
  insecure: boolean,
  from: v.nullish(modelName),
  remote_host: v.nullish(v.literal('', 'Expected none: a cloud model has a name that ends in cloud')),
})
export const copyRequest = request({ source: modelName, destination: modelName })
export const deleteRequest = named({})
