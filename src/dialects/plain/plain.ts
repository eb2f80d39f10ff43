import { negotiate } from '../../encoders/negotiate.ts'
import { text } from '../../encoders/text.ts'
import { toServiceFailure, type Dialect } from '../dialect.ts'
import { createIgnored } from '../ignored.ts'
import { toCall } from './call.ts'
import { parsePlainRequest } from './schema.ts'
import { plainStream } from './stream.ts'

/**
 * `POST /chat`: the client sends a text and gets SSE events with raw text
 * (docs/protocol.md#3-chat).
 */
export const plain: Dialect = {
  name: 'plain',
  prefix: '/chat',
  generations: {
    '/chat'({ body, accept, canCut }) {
      const ignored = createIgnored()
      const encoder = negotiate(accept, canCut) === text ? text : plainStream
      return { call: toCall(parsePlainRequest(body, ignored), ignored), encoder, ignored }
    },
  },
  questions: {},
  toFailure: toServiceFailure,
}
