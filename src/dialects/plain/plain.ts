import { negotiate } from '../../encoders/negotiate.ts'
import { text as bareText } from '../../encoders/text.ts'
import { toErrorBody } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
import { parse } from '../parse.ts'
import { messages } from './messages.ts'
import { plainRequest } from './schema.ts'

/** The seed's `POST /chat`: text in, events with raw text out (docs/protocol.md §3). */
export const plain: Dialect = {
  owns: (path) => path === '/chat',
  generations: {
    '/chat'({ body, accept, canCut }) {
      const { text, model, ...rest } = parse(plainRequest, body)
      return {
        call: { endpoint: 'generate', model: model ?? undefined, body: { ...rest, prompt: text } },
        encoder: canCut && negotiate(accept) === 'text' ? bareText : messages,
      }
    },
  },
  questions: {},
  toFailure: (error, requestId) => ({ status: error.status, body: toErrorBody(error, requestId) }),
}
