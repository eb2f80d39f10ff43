import { toServiceFailure, type Dialect } from '../dialect.ts'
import { withBody } from './routes.ts'
import { modelRequest } from './schema.ts'

/**
 * Ollama's System One API: the client sends questions about a state, and gets one object with
 * answers and their probabilities. It is Ollama's own API, although its path begins with `/v1`. So
 * requests and answers are passed on unchanged, and `error` is a string, as in Ollama's API
 * (docs/protocol.md#6-dialects).
 */
export const systemone: Dialect = {
  name: 'systemone',
  prefix: '/v1/systemone',
  generations: {},
  questions: { 'POST /v1/systemone': withBody('systemone', modelRequest) },
  toFailure: toServiceFailure,
}
