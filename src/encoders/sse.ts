import { toErrorBody, type ServiceError } from '../errors.ts'
import { parseExact } from '../exact-json.ts'
import { streamHeaders, type Encoder } from './encoder.ts'
import { toFrame } from './frame.ts'

/** What every SSE framing shares (docs/protocol.md#2-native). */
export const eventStream = {
  contentType: 'text/event-stream',
  headers: streamHeaders,
  // Bun sends the headers only with the first byte of the body (docs/hazards.md#21). So the opening
  // must not be empty.
  opening: ':\n',
  // The heartbeat has no blank line, because a blank line makes some clients dispatch an empty
  // event (docs/hazards.md#31).
  heartbeat: ':\n',
  failure: 'frame',
} as const

/**
 * The frame that ends a failed stream. Its event is not named `error`, because EventSource uses
 * that name for connection errors.
 */
export function toFailedFrame(error: ServiceError, requestId: string): string {
  return toFrame(JSON.stringify(toErrorBody(error, requestId)), 'failed')
}

/**
 * Native SSE: one frame for each line of Ollama. The line is the `data` of the frame
 * (docs/protocol.md#2-native).
 */
export const sse: Encoder = {
  ...eventStream,
  start:
    ({ requestId, emit }) =>
    (batch) => {
      for (const event of batch) {
        if (event.type === 'failed') emit(toFailedFrame(event.error, requestId))
        // A raw CR is legal white space in JSON, but it ends a line in SSE.
        else emit(toFrame(event.line.includes('\r') ? JSON.stringify(parseExact(event.line)) : event.line))
      }
    },
}

/**
 * The framing for `Prefer: status`. It is native SSE with additional frames. They report what the
 * stream waits for before its first token.
 */
export const sseWithStatus: Encoder = {
  ...sse,
  headers: { ...sse.headers, 'preference-applied': 'status' },
  toStatus: (status, elapsedMs) => toFrame(JSON.stringify({ status, elapsed_ms: elapsedMs }), 'status'),
}
