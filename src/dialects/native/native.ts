import { sse, sseWithStatus } from '../../encoders/sse.ts'
import { toErrorBody } from '../../errors.ts'
import { isProgress } from '../../generation.ts'
import type { Dialect } from '../dialect.ts'
import { ollamaApi, type FramingRequest } from '../ollama-api.ts'
import { toFraming } from './framing.ts'
import { prefersStatus } from './prefer.ts'

/** Ollama's own requests, answered as SSE, NDJSON or one object (docs/protocol.md §2). Errors at a path that is nobody's are told as here. */
export function createNative({ management }: { management: boolean }): Dialect {
  return {
    owns: () => true,
    ...ollamaApi({ prefix: '', management, toFraming: toNativeFraming }),
    toFailure: (error, requestId) => ({ status: error.status, body: toErrorBody(error, requestId) }),
  }
}

/** Only a generation has a wait to tell of, and only SSE a way to. */
function toNativeFraming({ stream, accept, prefer, call }: FramingRequest) {
  const framing = toFraming(stream, accept)
  return framing === sse && prefersStatus(prefer) && !isProgress(call) ? sseWithStatus : framing
}
