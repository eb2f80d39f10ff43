import * as v from 'valibot'
import { modelName, optional } from '../to-ollama.ts'

/**
 * Requests of Ollama's own API pass through as they are, because Ollama judges them better than a
 * list of ours, and a newer Ollama takes more. Sluice checks only what it uses itself: the names of
 * models, and `stream` (docs/protocol.md#2-native).
 */

/** The fields that Sluice itself reads, and those that policy checks or clamps. */
const checkedFields = new Set([
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
 * Refuses the names of these fields if they are written with capitals. Ollama reads `Model` as
 * `model` too, and takes the last of them. So Ollama could use another value than the one that was
 * checked here (docs/hazards.md#82).
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
 * Folds a name as Go does. Capitals come first, because Go takes the long s for S and the Kelvin
 * sign for K.
 */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase()
}

// Go's client sends an empty text for a field that is not set.
const model = optional(modelName)
const stream = optional(v.boolean())

/** A request for generate or chat. */
export const generationRequest = request({ model, stream })

/** The default model is for generations only. `name` is Ollama's old word for `model`. */
const named = <const TEntries extends v.ObjectEntries>(entries: TEntries) =>
  v.pipe(
    request({ model, name: model, ...entries }),
    v.check((body) => Boolean(body.model || body.name), 'Expected a model'),
  )

/** A request for show or delete. */
export const namedRequest = named({})

/** A request for pull, push or create. The name of a cloud model must say that it is one. */
export const progressRequest = named({
  stream,
  from: model,
  remote_host: optional(v.undefined('Expected none: a cloud model has a name that ends in cloud')),
})

/** A request for embed, embeddings or System One. */
export const modelRequest = request({ model: modelName })

export const copyRequest = request({ source: modelName, destination: modelName })
