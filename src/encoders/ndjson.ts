import { toErrorBody } from '../errors.ts'
import { streamHeaders, type Encoder } from './encoder.ts'

/**
 * Ollama's lines, verbatim. There is no heartbeat, because a blank line breaks readers
 * (docs/hazards.md#34). Without heartbeats there is no early commit either
 * (docs/protocol.md#2-native).
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
