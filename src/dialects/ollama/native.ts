import type { Encoder } from '../../encoders/encoder.ts'
import { folded } from '../../encoders/folded.ts'
import { negotiate } from '../../encoders/negotiate.ts'
import { prefers } from '../../encoders/prefer.ts'
import { sse, sseWithStatus } from '../../encoders/sse.ts'
import { isProgress } from '../../generation.ts'
import { toServiceFailure, type Dialect } from '../dialect.ts'
import { toRoutes, type FramingRequest } from './routes.ts'

/**
 * Ollama's own requests, answered as SSE, NDJSON, text or one object (docs/protocol.md#2-native).
 * Every path that no other dialect has gets this envelope too.
 */
export function createNative({ management }: { management: boolean }): Dialect {
  const prefix = ''
  return { prefix, ...toRoutes({ prefix, management, toFraming }), toFailure: toServiceFailure }
}

/**
 * Native frames (docs/protocol.md#2-native). Progress has no text, and no status before its first
 * line.
 */
function toFraming({ stream, accept, prefer, canCut, call }: FramingRequest): Encoder {
  if (!stream) return folded
  const isGeneration = !isProgress(call)
  const framing = negotiate(accept, canCut && isGeneration)
  return framing === sse && isGeneration && prefers('status', prefer) ? sseWithStatus : framing
}
