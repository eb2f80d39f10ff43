import * as v from 'valibot'
import { modelName, optional } from '../to-ollama.ts'

/**
 * Requests in Ollama's format are passed on unchanged, and Ollama validates them. A newer Ollama
 * may accept more fields than Sluice knows. So these schemas validate only a few fields, such as
 * the names of models and `stream` (docs/protocol.md#2-native).
 */

/** The fields that Sluice reads, limits or checks against its access rules. */
export const checkedFields = new Set([
  'model',
  'name',
  'from',
  'source',
  'destination',
  'remote_host',
  'stream',
  'options',
  'keep_alive',
  'prompt',
  'messages',
  'tools',
])

/**
 * Refuses a request in which the name of a checked field has capital letters. For Ollama, `Model`
 * and `model` are the same field. If a body has both, Ollama uses the later one. So Ollama could
 * use a value that Sluice did not check (docs/hazards.md#82).
 */
const request = <const TEntries extends v.ObjectEntries>(entries: TEntries) =>
  v.pipe(
    v.looseObject(entries),
    v.check(
      (body) => Object.keys(body).every((name) => checkedFields.has(name) || !checkedFields.has(fold(name))),
      'Expected the names of fields in lower case',
    ),
  )

/**
 * Folds the case of a name as Go does. Go also treats the long s (ſ) as S and the Kelvin sign as K.
 * The upper-case step converts the long s, and the lower-case step converts the Kelvin sign.
 */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase()
}

// Ollama's Go client sends an empty string for a model that is not set.
const model = optional(modelName)
const stream = optional(v.boolean())

/** A request for generate or chat. */
export const generationRequest = request({ model, stream })

/** A request that must name its model. `name` is Ollama's former name of the field `model`. */
const named = <const TEntries extends v.ObjectEntries>(entries: TEntries) =>
  v.pipe(
    request({ model, name: model, ...entries }),
    v.check((body) => Boolean(body.model || body.name), 'Expected a model'),
  )

/** A request for show or delete. */
export const namedRequest = named({})

/**
 * A request for pull, push or create. `remote_host` is refused, because a client could use it
 * to create a cloud model whose name does not end in `cloud`. Sluice recognizes cloud models only
 * by this ending.
 */
export const progressRequest = named({
  stream,
  from: model,
  remote_host: optional(v.undefined('Expected none: a cloud model has a name that ends in cloud')),
})

/** A request for embed, embeddings or System One. */
export const modelRequest = request({ model: modelName })

export const copyRequest = request({ source: modelName, destination: modelName })
