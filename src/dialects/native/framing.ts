import type { Encoder } from '../../encoders/encoder.ts'
import { folded } from '../../encoders/folded.ts'
import { ndjson } from '../../encoders/ndjson.ts'
import { negotiate } from '../../encoders/negotiate.ts'
import { sse, sseWithStatus } from '../../encoders/sse.ts'
import { text } from '../../encoders/text.ts'
import { isProgress } from '../../generation.ts'
import type { FramingRequest } from '../ollama-api.ts'
import { prefersStatus } from './prefer.ts'

/** Which framing an answer has (docs/protocol.md §2). Only a generation has a text, and a wait that a status can tell. */
export function toFraming({ stream, accept, prefer, canCut, call }: FramingRequest): Encoder {
  if (!stream) return folded
  const framing = negotiate(accept)
  if (framing === 'ndjson') return ndjson
  if (isProgress(call)) return sse
  if (framing === 'text' && canCut) return text
  return prefersStatus(prefer) ? sseWithStatus : sse
}
