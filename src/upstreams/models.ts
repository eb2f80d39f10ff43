import type { ModelResponse } from 'ollama/browser'
import { isObject } from '../exact-json.ts'
import type { Answer } from './upstream.ts'

/**
 * A model in one of Ollama's lists. Only its name is checked. The types of Ollama's client do not
 * include `capabilities` and `remote_host` yet (docs/ollama.md#1-stream).
 */
export type ListedModel = Readonly<
  Pick<ModelResponse, 'name'> &
    Partial<Record<keyof ModelResponse | 'capabilities' | 'remote_host' | 'context_length', unknown>>
>

/** Returns the models of an answer to `tags` or `ps`. Entries without a name are left out. */
export function toModels({ value: { models } }: Answer): readonly ListedModel[] {
  return Array.isArray(models) ? models.filter(isListedModel) : []
}

/**
 * Keeps only the allowed models in an answer. If all models are allowed, the answer keeps Ollama's
 * own text.
 */
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
