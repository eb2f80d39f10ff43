import type { Dialect } from '../dialect.ts'
import { ollamaApi, type FramingRequest } from '../ollama-api.ts'
import { folded } from '../../encoders/folded.ts'
import { lines } from './lines.ts'
import { toFailure } from './failure.ts'

/** Drop-in Ollama: its routes under `/ollama`, byte for byte, for programs that only change their base URL (docs/protocol.md §5). */
export function createOllamaDialect({ management }: { management: boolean }): Dialect {
  return {
    owns: (path) => path === '/ollama' || path.startsWith('/ollama/'),
    ...ollamaApi({ prefix: '/ollama', management, toFraming }),
    toFailure,
  }
}

function toFraming({ stream, call }: FramingRequest) {
  return stream && !isLoad(call) ? lines : folded
}

/** What loads or unloads a model is answered with one object of `application/json`, whatever `stream` says (docs/ollama.md §1). */
function isLoad({ endpoint, body }: FramingRequest['call']): boolean {
  if (endpoint === 'generate') return !body.prompt
  return endpoint === 'chat' && !(Array.isArray(body.messages) && body.messages.length > 0)
}
