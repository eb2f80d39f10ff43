import { folded } from '../../encoders/folded.ts'
import type { Dialect } from '../dialect.ts'
import { toFailure } from './failure.ts'
import { toRoutes, type FramingRequest } from './routes.ts'
import { ollamaStream } from './stream.ts'

/**
 * A drop-in replacement for Ollama's API. A client of Ollama changes only its base URL
 * (docs/protocol.md#5-ollama-drop-in).
 */
export function createOllamaDialect({ management }: { management: boolean }): Dialect {
  const prefix = '/ollama'
  return { name: 'ollama', prefix, ...toRoutes({ prefix, management, toFraming }), toFailure }
}

function toFraming({ stream, call }: FramingRequest) {
  return stream && !isLoad(call) ? ollamaStream : folded
}

/**
 * Whether the request has no prompt, so that Ollama only loads the model. Ollama answers such a
 * request with one object even if `stream` is true (docs/ollama.md#1-stream).
 */
function isLoad({ endpoint, body }: FramingRequest['call']): boolean {
  if (endpoint === 'generate') return !body.prompt
  return endpoint === 'chat' && !(Array.isArray(body.messages) && body.messages.length > 0)
}
