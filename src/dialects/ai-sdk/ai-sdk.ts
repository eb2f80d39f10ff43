import { toServiceFailure, type Dialect } from '../dialect.ts'
import { toCall } from './call.ts'
import { parseUiChatRequest } from './schema.ts'
import { uiMessageStream } from './stream.ts'

/** The AI SDK's `useChat`. Its `DefaultChatTransport` posts here as it is (docs/protocol.md §6). */
export const aiSdk: Dialect = {
  prefix: '/api/ui/chat',
  generations: {
    '/api/ui/chat': ({ body }) => ({ call: toCall(parseUiChatRequest(body)), encoder: uiMessageStream }),
  },
  questions: {},
  toFailure: toServiceFailure,
}
