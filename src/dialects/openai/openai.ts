import type { Encoder } from '../../encoders/encoder.ts'
import type { Dialect } from '../dialect.ts'
import { toChatCall } from './chat/call.ts'
import { parseChatRequest } from './chat/schema.ts'
import { chatStream, chatStreamWithUsage } from './chat/stream.ts'
import { chatWhole } from './chat/whole.ts'
import { toCompletionCall } from './completions/call.ts'
import { parseCompletionRequest } from './completions/schema.ts'
import { completionStream, completionStreamWithUsage } from './completions/stream.ts'
import { completionWhole } from './completions/whole.ts'
import { embeddings } from './embeddings.ts'
import { toFailure } from './failure.ts'
import { model, models } from './models.ts'
import { toResponseCall } from './responses/call.ts'
import { toEcho } from './responses/response.ts'
import { parseResponsesRequest } from './responses/schema.ts'
import { createResponseStream } from './responses/stream.ts'
import { createResponseWhole } from './responses/whole.ts'

/** Made of Ollama's native API: its own `/v1` loses errors in a stream (docs/protocol.md §6). */
export const openai: Dialect = {
  prefix: '/v1',
  generations: {
    '/v1/chat/completions'({ body }) {
      const request = parseChatRequest(body)
      return { call: toChatCall(request), encoder: toEncoder(request, chatWhole, chatStream, chatStreamWithUsage) }
    },
    '/v1/completions'({ body }) {
      const request = parseCompletionRequest(body)
      const encoder = toEncoder(request, completionWhole, completionStream, completionStreamWithUsage)
      return { call: toCompletionCall(request), encoder }
    },
    '/v1/responses'({ body }) {
      const request = parseResponsesRequest(body)
      const echo = toEcho(request)
      return { call: toResponseCall(request), encoder: request.stream ? createResponseStream(echo) : createResponseWhole(echo) }
    },
  },
  questions: {
    'POST /v1/embeddings': embeddings,
    'GET /v1/models': models,
    'GET /v1/models/:id{.+}': model,
  },
  toFailure,
}

interface StreamFields {
  readonly stream?: boolean | null | undefined
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | null | undefined
}

function toEncoder({ stream, stream_options }: StreamFields, whole: Encoder, chunks: Encoder, withUsage: Encoder): Encoder {
  if (!stream) return whole
  return stream_options?.include_usage ? withUsage : chunks
}
