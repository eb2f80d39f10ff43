import { eventStream, toFailedFrame } from '../../encoders/sse.ts'
import type { Encoder } from '../../encoders/encoder.ts'
import type { OllamaChunk } from '../../generation.ts'

/** The seed's events: raw text as `messages`, and a `done` that tells how it went (docs/protocol.md §3). */
export const messages: Encoder = {
  ...eventStream,
  start:
    ({ requestId }) =>
    (batch) => {
      let frames = ''
      for (const event of batch) {
        if (event.type === 'failed') return frames + toFailedFrame(event.error, requestId)
        frames += toTextFrame('thinking', event.chunk.thinking) + toTextFrame('messages', event.chunk.response)
        if (event.type === 'done') frames += `event: done\ndata: ${toSummary(event.chunk)}\n\n`
      }
      return frames
    },
}

/**
 * `data: ` with its space: a reader strips exactly one, so that a token's own leading spaces survive. Each line of the text is a `data:`
 * line of its own; the reader joins them with LF (WHATWG HTML §9.2.6).
 */
function toTextFrame(event: string, text: string | null | undefined): string {
  if (!text) return ''
  return `event: ${event}\ndata: ${text.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`
}

function toSummary({
  response: _response,
  thinking: _thinking,
  context: _context,
  created_at: _createdAt,
  ...rest
}: OllamaChunk): string {
  return JSON.stringify(rest)
}
