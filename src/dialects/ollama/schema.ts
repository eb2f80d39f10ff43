import * as v from 'valibot'
import { anyObject, boolean, common, images, integer, keep_alive, modelName, options, string } from './fields.ts'

/**
 * Ollama's own requests. Unknown fields pass through, so that a newer Ollama keeps working (docs/protocol.md §2), but not a known one in capitals: to
 * Ollama `Model` is `model` as well, whichever comes last counts, and what is checked here would not be what is done (hazard 82).
 */
const request = <const TEntries extends v.ObjectEntries>(entries: TEntries) =>
  v.pipe(
    v.looseObject(entries),
    v.check(
      (body) => Object.keys(body).every((name) => Object.hasOwn(entries, name) || !Object.hasOwn(entries, fold(name))),
      'Expected the names of fields in lower case',
    ),
  )

/** As Go compares names: by way of capitals, since the long s is an S there, and the Kelvin sign a K. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase()
}

export const generateRequest = request({
  ...common,
  prompt: string,
  suffix: string,
  system: string,
  template: string,
  raw: boolean,
  images,
  context: v.nullish(v.array(v.pipe(v.number(), v.integer('Expected an integer')))),
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

export const tool = v.looseObject({
  type: string,
  function: v.looseObject({ name: v.string(), description: string, parameters: v.nullish(anyObject) }),
})

export const chatRequest = request({
  ...common,
  messages: v.nullish(v.array(message)),
  tools: v.nullish(v.array(tool)),
})

/** With a model: a default one is for generating. `name` is Ollama's old word for it. */
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

/** Pull, push and create; but not create a cloud model under a name that does not say so. */
export const progressRequest = named({
  stream: boolean,
  insecure: boolean,
  from: v.nullish(modelName),
  remote_host: v.nullish(v.literal('', 'Expected none: a cloud model has a name that ends in cloud')),
})
export const copyRequest = request({ source: modelName, destination: modelName })
export const deleteRequest = named({})
