import type { Dialect } from '../dialect.ts'
import { createIgnored } from '../ignored.ts'
import { refused } from '../refusals.ts'
import { demanding } from '../tool-choice.ts'
import { toCall } from './call.ts'
import { toFailure } from './failure.ts'
import { parseMessagesRequest } from './schema.ts'
import { messageStream } from './stream.ts'
import { messageWhole } from './whole.ts'

/**
 * Anthropic's Messages API (docs/protocol.md#6-dialects). Clients need not send
 * `anthropic-version` or `anthropic-beta` headers.
 */
export const anthropic: Dialect = {
  name: 'anthropic',
  prefix: '/v1/messages',
  requestIdHeader: 'request-id',
  generations: {
    '/v1/messages'({ body }) {
      const ignored = createIgnored()
      const request = parseMessagesRequest(body, ignored)
      const { call, isDemanded } = toCall(request, ignored)
      const encoder = request.stream ? messageStream : messageWhole
      return { call, encoder: isDemanded ? demanding(encoder) : encoder, ignored }
    },
  },
  questions: {
    'POST /v1/messages/count_tokens'() {
      throw refused('count_tokens', 'count')
    },
  },
  toFailure,
}
