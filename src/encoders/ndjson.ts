import { toErrorBody } from '../errors.ts'
import { streamHeaders, type Encoder } from './encoder.ts'

/**
 * Ollama's lines, unchanged. There is no heartbeat, because a blank line breaks some clients
 * (docs/hazards.md#34). There is no opening either, so the 200 status is sent only with the first
 * line (docs/protocol.md#2-native).
 */
export const ndjson: Encoder = {
  contentType: 'application/x-ndjson',
  headers: streamHeaders,
  opening: '',
  heartbeat: '',
  failure: 'frame',
  start:
    ({ requestId, emit }) =>
    (batch) => {
      for (const event of batch) {
        const line = event.type === 'failed' ? JSON.stringify(toErrorBody(event.error, requestId)) : event.line
        emit(`${line}\n`)
      }
    },
}
