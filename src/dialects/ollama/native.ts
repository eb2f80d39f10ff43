import { toErrorBody } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
import { ollamaApi } from '../ollama-api.ts'
import { toFraming } from './framing.ts'

/** Ollama's own requests, answered as SSE, NDJSON or one object (docs/protocol.md §2). Errors at a path that is nobody's are told as here. */
export function createNative({ management }: { management: boolean }): Dialect {
  return {
    owns: () => true,
    ...ollamaApi({ prefix: '', management, toFraming }),
    toFailure: (error, requestId) => ({ status: error.status, body: toErrorBody(error, requestId) }),
  }
}
