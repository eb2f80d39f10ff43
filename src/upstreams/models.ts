import type { ModelResponse } from 'ollama/browser'
import { isObject } from '../exact-json.ts'
import type { Answer } from './upstream.ts'

/**
 * A model in a list of Ollama's. Only its name is checked. Ollama's client does not know two of
 * these fields yet (docs/ollama.md#1-stream).
 */
export type ListedModel = Readonly<
  Pick<ModelResponse, 'name'> & Partial<Record<keyof ModelResponse | 'capabilities' | 'remote_host', unknown>>
>

/** The models of an answer to `tags` or `ps`. An entry without a name is no model. */
export function toModels({ value: { models } }: Answer): readonly ListedModel[] {
  return Array.isArray(models) ? models.filter(isListedModel) : []
}

/** An answer with only the models that pass. It stays Ollama's own text if all of them pass. */
export function filterModels(answer: Answer, isAllowed: (name: string) => boolean): Answer {
  const { models: listed } = answer.value
  const models = toModels(answer).filter(({ name }) => isAllowed(name))
  if (!Array.isArray(listed) || listed.length === models.length) return answer
  const value = { ...answer.value, models }
  return { text: JSON.stringify(value), value }
}

function isListedModel(model: unknown): model is ListedModel {
  return isObject(model) && typeof model.name === 'string'
}
