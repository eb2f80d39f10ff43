import { streamHeaders, type Encoder } from './encoder.ts'

/**
 * The bare text of an answer, for `curl` and for clients that need nothing else. Plain text cannot
 * express a heartbeat or a failure. So there is no heartbeat, and a failure breaks the connection
 * (docs/protocol.md#2-native).
 */
export const text: Encoder = {
  contentType: 'text/plain; charset=utf-8',
  headers: streamHeaders,
  opening: '',
  heartbeat: '',
  failure: 'cut',
  start:
    ({ emit }) =>
    (batch) => {
      for (const event of batch) {
        if (event.type === 'failed') return
        const { response, message } = event.chunk
        const piece = response || message?.content
        if (piece) emit(piece)
      }
    },
}
