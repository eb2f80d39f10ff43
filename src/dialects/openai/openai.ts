import type { Dialect } from '../dialect.ts'
import { toOpenAIFailure } from '../openai-failure.ts'
import { chatChunks, chatChunksWithUsage } from './chat-chunks.ts'
import { chatCompletion } from './chat-completion.ts'
import { toChat } from './chat-request.ts'
import { completionChunks, completionChunksWithUsage } from './completion-chunks.ts'
import { toCompletion } from './completion-request.ts'
import { embeddings } from './embeddings.ts'
import { model, models } from './models.ts'
import { textCompletion } from './text-completion.ts'

/** OpenAI's API, in front of Ollama's native one: its own `/v1` loses errors in the middle of a stream (docs/protocol.md §6). */
export const openai: Dialect = {
  owns: (path) => path === '/v1' || path.startsWith('/v1/'),
  generations: {
    '/v1/chat/completions'({ body }) {
      const { call, stream, includeUsage } = toChat(body)
      if (!stream) return { call, encoder: chatCompletion }
      return { call, encoder: includeUsage ? chatChunksWithUsage : chatChunks }
    },
    '/v1/completions'({ body }) {
      const { call, stream, includeUsage } = toCompletion(body)
      if (!stream) return { call, encoder: textCompletion }
      return { call, encoder: includeUsage ? completionChunksWithUsage : completionChunks }
    },
  },
  questions: {
    'POST /v1/embeddings': embeddings,
    'GET /v1/models': models,
    'GET /v1/models/:id{.+}': model,
  },
  toFailure: toOpenAIFailure,
}
