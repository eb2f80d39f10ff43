import { toFullName } from '#ollama-grammar/model-name.ts'
import { toModels, type ListedModel } from '../upstreams/models.ts'
import type { Answer } from '../upstreams/upstream.ts'

/** The answer of one host to a question about its models. */
export interface HostAnswer {
  readonly name: string
  readonly tier: number
  readonly answer: Answer
}

/**
 * Joins the installed models of all hosts. If several hosts have a model, its entry is that of the
 * lowest tier, which also gets its requests.
 */
export function joinInstalled(answers: readonly HostAnswer[]): Answer {
  const byName = new Map<string, ListedModel>()
  for (const { answer } of answers.toSorted((a, b) => a.tier - b.tier))
    for (const model of toModels(answer)) {
      const name = toFullName(model.name)
      if (!byName.has(name)) byName.set(name, model)
    }
  return toAnswer([...byName.values()])
}

/** Joins the loaded models of all hosts. Each entry has the name of its host. */
export function joinLoaded(answers: readonly HostAnswer[]): Answer {
  return toAnswer(answers.flatMap(({ name, answer }) => toModels(answer).map((model) => ({ ...model, sluice_host: name }))))
}

/** Numbers keep their digits, because the entries come from `parseExact`. */
function toAnswer(models: readonly ListedModel[]): Answer {
  const value = { models }
  return { text: JSON.stringify(value), value }
}
