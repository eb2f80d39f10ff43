import type { Encoder } from '../../encoders/encoder.ts'
import { toFrame, toLines } from '../../encoders/frame.ts'
import { eventStream, toFailedFrame } from '../../encoders/sse.ts'
import type { OllamaChunk } from '../../generation.ts'

/**
 * Sends raw text in `messages` events, then a `done` event with Ollama's counts and durations
 * (docs/protocol.md#3-chat).
 */
export const plainStream: Encoder = {
  ...eventStream,
  start:
    ({ requestId, emit }) =>
    (batch) => {
      for (const event of batch) {
        if (event.type === 'failed') return emit(toFailedFrame(event.error, requestId))
        const { thinking, response } = event.chunk
        if (thinking) emit(toFrame(toLines(thinking), 'thinking'))
        if (response) emit(toFrame(toLines(response), 'messages'))
        if (event.type === 'done') emit(toFrame(toSummary(event.chunk), 'done'))
      }
    },
}

/** Ollama's last line as JSON, without the answer, `context` and `created_at`. */
function toSummary({
  response: _response,
  thinking: _thinking,
  context: _context,
  created_at: _createdAt,
  ...rest
}: OllamaChunk): string {
  return JSON.stringify(rest)
}
