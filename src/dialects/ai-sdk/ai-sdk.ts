import { ServiceError, toErrorBody } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
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
      if (messages.length === 0) throw nothingToAnswer()
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

/** Ollama would take no messages for a request to load the model (docs/ollama.md §1). */
function nothingToAnswer(): ServiceError {
  const message = 'Expected a message that says something'
  return new ServiceError('invalid_request', `Invalid request: messages: ${message}`, {
    issues: [{ path: 'messages', message }],
  })
}
