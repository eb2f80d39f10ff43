import { toResumeSeconds } from '../../encoders/prefer.ts'
import { toServiceFailure, type Dialect } from '../dialect.ts'
import { createIgnored } from '../ignored.ts'
import { toCall } from './call.ts'
import { parseUiChatRequest } from './schema.ts'
import { resumableUiMessageStream, uiMessageStream } from './stream.ts'

/** The longest id of a chat, in UTF-16 code units. An answer with a longer id has no chat. */
const maxChatLength = 256

/**
 * The endpoint for the `useChat` hook of Vercel's AI SDK. The hook's `DefaultChatTransport` can
 * post here without any change (docs/protocol.md#6-dialects).
 */
export const aiSdk: Dialect = {
  name: 'ai-sdk',
  prefix: '/api/ui/chat',
  generations: {
    '/api/ui/chat'({ body, prefer }) {
      const ignored = createIgnored()
      const request = parseUiChatRequest(body, ignored)
      // An answer that goes on in the assistant's last message must not give that message a new id.
      const hasOwnMessage = request.messages.at(-1)?.role !== 'assistant'
      const encoder = toResumeSeconds(prefer, Infinity) > 0 && hasOwnMessage ? resumableUiMessageStream : uiMessageStream
      return { call: toCall(request, ignored), encoder, ignored, ...toChat(body.id) }
    },
  },
  questions: {},
  toFailure: toServiceFailure,
}

/** The hook sends the id of its chat with each request. */
function toChat(id: unknown): { chat?: string } {
  return typeof id === 'string' && id !== '' && id.length <= maxChatLength ? { chat: id } : {}
}
