import { toErrorBody } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
import { invalidRequest } from '../invalid-request.ts'
import type { OllamaMessage } from '../ollama-message.ts'
import { parse } from '../parse.ts'
import { toOllamaMessages } from './messages.ts'
import { chatRequest } from './schema.ts'
import { uiMessageStream } from './ui-message-stream.ts'

/** The AI SDK's `useChat`, whose `DefaultChatTransport` posts here as it is (docs/protocol.md §6). */
export const aiSdk: Dialect = {
  owns: (path) => path === '/api/ui/chat',
  generations: {
    '/api/ui/chat'({ body }) {
      const { messages: given, model, system, ...rest } = parse(chatRequest, body)
      const messages = given.flatMap((message, index) => toOllamaMessages(message, `messages.${index}`))
      // Ollama would take no messages for a request to load the model (docs/ollama.md §1), and answer to nothing.
      if (!messages.some(isSaying)) throw invalidRequest('messages', 'Expected a message that says something')
      const all = system ? [{ role: 'system', content: system }, ...messages] : messages
      return {
        call: { endpoint: 'chat', model: model ?? undefined, body: { ...rest, messages: all } },
        encoder: uiMessageStream,
      }
    },
  },
  questions: {},
  toFailure: (error, requestId) => ({ status: error.status, body: toErrorBody(error, requestId) }),
}

/** A text, or something beside it and the role. */
function isSaying(message: OllamaMessage): boolean {
  return message.content !== '' || Object.keys(message).length > 2
}
