import type { Dialect } from '../dialect.ts'
import { createIgnored } from '../ignored.ts'
import { refused } from '../refusals.ts'
import { demanding } from '../tool-choice.ts'
import { toChatCall } from './chat/call.ts'
import { parseChatRequest } from './chat/schema.ts'
import { createChatStream } from './chat/stream.ts'
import { createChatWhole } from './chat/whole.ts'
import { toCompletionCall } from './completions/call.ts'
import { parseCompletionRequest } from './completions/schema.ts'
import { completionStream, completionStreamWithUsage } from './completions/stream.ts'
import { completionWhole } from './completions/whole.ts'
import { embeddings } from './embeddings.ts'
import { toFailure } from './failure.ts'
import { model, models } from './models.ts'
import { isLargeEcho, toBackground } from './responses/background.ts'
import { toResponseCall } from './responses/call.ts'
import { toEcho } from './responses/response.ts'
import { parseResponsesRequest } from './responses/schema.ts'
import { createResponseStream } from './responses/stream.ts'
import { createResponseWhole } from './responses/whole.ts'

/**
 * OpenAI's API, translated to Ollama's native API. Ollama's own `/v1` is not used, because it loses
 * errors in a stream (docs/protocol.md#6-dialects).
 */
export const openai: Dialect = {
  name: 'openai',
  prefix: '/v1',
  generations: {
    '/v1/chat/completions'({ body }) {
      const ignored = createIgnored()
      const request = parseChatRequest(body, ignored)
      const { call, origins, isDemanded } = toChatCall(request, ignored)
      const options = { includeUsage: request.stream_options?.include_usage === true }
      const encoder = request.stream ? createChatStream(origins, options) : createChatWhole(origins)
      return { call, encoder: isDemanded ? demanding(encoder) : encoder, ignored }
    },
    '/v1/completions'({ body }) {
      const ignored = createIgnored()
      const request = parseCompletionRequest(body, ignored)
      const stream = request.stream_options?.include_usage ? completionStreamWithUsage : completionStream
      return { call: toCompletionCall(request), encoder: request.stream ? stream : completionWhole, ignored }
    },
    '/v1/responses'({ body, prefer }) {
      const ignored = createIgnored()
      const request = parseResponsesRequest(body, ignored)
      const { call, origins, isDemanded } = toResponseCall(request, ignored)
      const echo = toEcho(request)
      const answerOptions = { echo, origins }
      const { stream, background } = request
      const isLarge = (background || prefer !== undefined) && isLargeEcho(echo)
      if (background && isLarge) throw refused('background', 'echo')
      const encoder = stream || background ? createResponseStream(answerOptions) : createResponseWhole(answerOptions)
      return {
        call,
        encoder: isDemanded ? demanding(encoder) : encoder,
        ignored,
        ...(background && { background: toBackground(echo, { isStream: stream === true }) }),
        ...(isLarge && { isTooLargeToKeep: true }),
      }
    },
  },
  questions: {
    'POST /v1/embeddings': embeddings,
    'GET /v1/models': models,
    'GET /v1/models/:id{.+}': model,
  },
  toFailure,
}
