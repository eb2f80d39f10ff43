import { toServiceFailure, type Dialect } from '../dialect.ts'
import { createIgnored } from '../ignored.ts'
import { toCall } from './call.ts'
import { parseUiChatRequest } from './schema.ts'
import { uiMessageStream } from './stream.ts'

/**
 * The endpoint for the `useChat` hook of Vercel's AI SDK. The hook's `DefaultChatTransport` can
 * post here without any change (docs/protocol.md#6-dialects).
 */
export const aiSdk: Dialect = {
  prefix: '/api/ui/chat',
  generations: {
    '/api/ui/chat'({ body }) {
      const ignored = createIgnored()
      return { call: toCall(parseUiChatRequest(body, ignored), ignored), encoder: uiMessageStream, ignored }
    },
  },
  questions: {},
  toFailure: toServiceFailure,
}
