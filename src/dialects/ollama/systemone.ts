import { toServiceFailure, type Dialect } from '../dialect.ts'
import { withBody } from './routes.ts'
import { modelRequest } from './schema.ts'

/**
 * Ollama's classification of a state: questions in, answers with probabilities out, as one object.
 * It is Ollama's own API although it lives under `/v1`, so requests and answers pass through, and
 * `error` is a text, as Ollama's clients read it (docs/protocol.md#6-dialects).
 */
export const systemone: Dialect = {
  prefix: '/v1/systemone',
  generations: {},
  questions: { 'POST /v1/systemone': withBody('systemone', modelRequest) },
  toFailure: toServiceFailure,
}
