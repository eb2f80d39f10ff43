import type { Dialect } from '../dialect.ts'
import { toOpenAIFailure } from '../openai-failure.ts'
import { inOnePiece, stream } from './encoders.ts'
import { toPlan } from './request.ts'

/** OpenAI's Responses, without a store: what was said before comes with the request (docs/protocol.md §6). */
export const responses: Dialect = {
  owns: (path) => path === '/v1/responses' || path.startsWith('/v1/responses/'),
  generations: {
    '/v1/responses'({ body }) {
      const { call, echo, isStream } = toPlan(body)
      return { call, encoder: isStream ? stream(echo) : inOnePiece(echo) }
    },
  },
  questions: {},
  toFailure: toOpenAIFailure,
}
