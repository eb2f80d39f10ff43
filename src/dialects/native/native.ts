import { toErrorBody } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
import { parse } from '../parse.ts'
import { toFraming } from './framing.ts'
import { chatRequest, generateRequest } from './schema.ts'

/** Ollama's own requests, answered as SSE, NDJSON or one object (docs/protocol.md §2). */
export const native: Dialect = {
  paths: ['/api/generate', '/api/chat'],
  parse({ path, accept, body }) {
    const endpoint = path === '/api/chat' ? 'chat' : 'generate'
    const { model, stream } = parse(endpoint === 'chat' ? chatRequest : generateRequest, body)
    return { call: { endpoint, model: model ?? undefined, body }, encoder: toFraming(stream ?? true, accept) }
  },
  toErrorBody,
}
