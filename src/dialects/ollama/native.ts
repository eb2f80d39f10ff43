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
 * (docs/protocol.md#2-native). Errors at paths that belong to no other dialect also have the format
 * of this dialect.
 */
export function createNative({ management }: { management: boolean }): Dialect {
  const prefix = ''
  return { name: 'native', prefix, ...toRoutes({ prefix, management, toFraming }), toFailure: toServiceFailure }
}

/**
 * Chooses the encoder (docs/protocol.md#2-native). Pull, push and create report only progress, so
 * plain text and status frames are not available for them.
 */
function toFraming({ stream, accept, prefer, canCut, call }: FramingRequest): Encoder {
  if (!stream) return folded
  const isGeneration = !isProgress(call)
  const framing = negotiate(accept, canCut && isGeneration)
  return framing === sse && isGeneration && prefers('status', prefer) ? sseWithStatus : framing
}
