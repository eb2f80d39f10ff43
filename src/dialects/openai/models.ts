import { ServiceError } from '../../errors.ts'
import { toFullName } from '#ollama-grammar/model-name.ts'
import { toModels } from '../../upstreams/models.ts'
import type { Answer } from '../../upstreams/upstream.ts'
import type { QuestionPlan, QuestionRequest } from '../dialect.ts'
import { toSeconds } from './envelope.ts'

/** https://platform.openai.com/docs/api-reference/models/list */
export function models(): QuestionPlan {
  return { question: { about: 'tags' }, toAnswer: (answer) => ({ object: 'list', data: [...toById(answer).values()] }) }
}

/** https://platform.openai.com/docs/api-reference/models/retrieve */
export function model({ params: { id = '' } }: QuestionRequest): QuestionPlan {
  return {
    question: { about: 'tags' },
    toAnswer(answer) {
      const found = toById(answer).get(id) ?? toInstalled(answer).find((model) => toFullName(model.id) === toFullName(id))
      if (found) return found
      throw new ServiceError('model_not_found', 'There is no such model; GET /v1/models lists them')
    },
  }
}

/** Installed models and aliases by id. An alias hides an installed model with the same id. */
function toById(answer: Answer) {
  const installed = toInstalled(answer)
  const aliases = (answer.aliases ?? []).flatMap(([id, target]) =>
    installed.filter((model) => toFullName(model.id) === toFullName(target)).map((model) => ({ ...model, id })),
  )
  return new Map([...installed, ...aliases].map((model) => [model.id, model]))
}

function toInstalled(answer: Answer) {
  return toModels(answer).map(({ name, modified_at }) => ({
    id: name,
    object: 'model',
    created: toSeconds(modified_at),
    // A model without a namespace is from Ollama's own library.
    owned_by: name.split('/').at(-2) ?? 'library',
  }))
}
