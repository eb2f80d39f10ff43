import type { Dialect } from '../dialect.ts'
import { notSupported } from '../not-supported.ts'
import { parse } from '../parse.ts'
import { toCall } from './call.ts'
import { events } from './events.ts'
import { toFailure } from './failure.ts'
import { message } from './message.ts'
import { messagesRequest } from './request.ts'

/** Anthropic's Messages API (docs/protocol.md §6, https://docs.claude.com/en/api/messages). Its version and beta headers are not needed. */
export const anthropic: Dialect = {
  owns: (path) => path === '/v1/messages' || path.startsWith('/v1/messages/'),
  requestIdHeader: 'request-id',
  generations: {
    '/v1/messages'({ body }) {
      const request = parse(messagesRequest, body)
      return { call: toCall(request), encoder: request.stream ? events : message }
    },
  },
  questions: {
    'POST /v1/messages/count_tokens'() {
      throw notSupported('count_tokens', 'Ollama counts a prompt’s tokens only when it answers')
    },
  },
  toFailure,
}
