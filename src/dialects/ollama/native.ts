import type { Encoder } from '../../encoders/encoder.ts'
import { folded } from '../../encoders/folded.ts'
import { negotiate } from '../../encoders/negotiate.ts'
import { prefers } from '../../encoders/prefer.ts'
import { sse, sseWithStatus } from '../../encoders/sse.ts'
import { isProgress } from '../../generation.ts'
import { toServiceFailure, type Dialect } from '../dialect.ts'
import { toRoutes, type FramingRequest } from './routes.ts'

/**
 * Accepts requests in Ollama's format, and answers with SSE, NDJSON, text or one JSON object
 * (docs/protocol.md#2-native). Errors at paths of no other dialect have its format too.
 */
export function createNative({ management }: { management: boolean }): Dialect {
  const prefix = ''
  return { prefix, ...toRoutes({ prefix, management, toFraming }), toFailure: toServiceFailure }
}

/**
 * Chooses the encoder (docs/protocol.md#2-native). Pull, push and create report only progress. They
 * have no answer text and no status frames, so these two framings are for generations only.
 */
function toFraming({ stream, accept, prefer, canCut, call }: FramingRequest): Encoder {
  if (!stream) return folded
  const isGeneration = !isProgress(call)
  const framing = negotiate(accept, canCut && isGeneration)
  return framing === sse && isGeneration && prefers('status', prefer) ? sseWithStatus : framing
}
