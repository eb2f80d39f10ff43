import { toErrorBody, type ServiceError } from '../errors.ts'
import { streamHeaders, type Encoder } from './encoder.ts'

/** What every SSE framing shares (docs/protocol.md §2). */
export const eventStream = {
  contentType: 'text/event-stream',
  headers: streamHeaders,
  opening: ':\n', // Bun holds the header block back until a first body byte (hazard 21)
  heartbeat: ':\n', // no blank line: readers would dispatch an empty event (hazard 31)
} as const

/** The failure terminal. Never named `error`: that is EventSource's own event. */
export function toFailedFrame(error: ServiceError, requestId: string): string {
  return `event: failed\ndata: ${JSON.stringify(toErrorBody(error, requestId))}\n\n`
}

/** Native SSE: Ollama's own JSON lines as `data`, one frame a line (docs/protocol.md §2). */
export const sse: Encoder = {
  ...eventStream,
  start:
    ({ requestId }) =>
    (batch) => {
      let frames = ''
      for (const event of batch) {
        if (event.type === 'failed') frames += toFailedFrame(event.error, requestId)
        // A raw CR is legal white space in JSON, and the end of a line in SSE.
        else frames += `data: ${event.line.includes('\r') ? JSON.stringify(event.chunk) : event.line}\n\n`
      }
      return frames
    },
}

/** Native SSE that tells of the wait before the first token too: for who asks for it with `Prefer: status`. */
export const sseWithStatus: Encoder = {
  ...sse,
  headers: { ...sse.headers, 'preference-applied': 'status' },
  toStatus: (status, elapsedMs) => `event: status\ndata: ${JSON.stringify({ status, elapsed_ms: elapsedMs })}\n\n`,
}
