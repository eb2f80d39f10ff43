import type { Dialect } from '../dialect.ts'
import { notSupported } from '../issues.ts'
import { toCall } from './call.ts'
import { toFailure } from './failure.ts'
import { parseMessagesRequest } from './schema.ts'
import { messageStream } from './stream.ts'
import { messageWhole } from './whole.ts'

/** Anthropic's Messages API (docs/protocol.md §6). Its version and beta headers are not needed. */
export const anthropic: Dialect = {
  prefix: '/v1/messages',
  requestIdHeader: 'request-id',
  generations: {
    '/v1/messages'({ body }) {
      const request = parseMessagesRequest(body)
      return { call: toCall(request), encoder: request.stream ? messageStream : messageWhole }
    },
  },
  questions: {
    'POST /v1/messages/count_tokens'() {
      throw notSupported('count_tokens', 'Ollama counts a prompt’s tokens only when it answers')
    },
  },
  toFailure,
}
