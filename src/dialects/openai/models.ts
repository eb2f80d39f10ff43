import { ServiceError } from '../../errors.ts'
import type { Answer } from '../../upstreams/upstream.ts'
import type { QuestionPlan, QuestionRequest } from '../dialect.ts'
import { toSeconds } from './envelope.ts'

/** https://platform.openai.com/docs/api-reference/models/list */
export function models(): QuestionPlan {
  return { question: { about: 'tags' }, toAnswer: (answer) => ({ object: 'list', data: toModels(answer) }) }
}

/** https://platform.openai.com/docs/api-reference/models/retrieve */
export function model({ params: { id = '' } }: QuestionRequest): QuestionPlan {
  return {
    question: { about: 'tags' },
    toAnswer(answer) {
      const found = toModels(answer).find((model) => toFullName(model.id) === toFullName(id))
      if (found) return found
      throw new ServiceError('model_not_found', 'There is no such model; GET /v1/models lists them')
    },
  }
}

function toModels({ value: { models } }: Answer) {
  const listed = (Array.isArray(models) ? models : []) as readonly { name?: unknown; modified_at?: unknown }[]
  return listed.map(({ name, modified_at }) => {
    const id = String(name)
    // Models without a namespace are of Ollama's own library.
    return { id, object: 'model', created: toSeconds(modified_at), owned_by: id.split('/').at(-2) ?? 'library' }
  })
}

/** Without a tag the latest is meant. A colon before the last slash is a port's. */
function toFullName(name: string): string {
  return name.includes(':', name.lastIndexOf('/') + 1) ? name : `${name}:latest`
}
