import { toErrorBody } from '../errors.ts'
import { streamHeaders, type Encoder } from './encoder.ts'

/** Ollama's lines, verbatim. No heartbeat, since a blank line breaks readers (hazard 34), and so no early commit (docs/protocol.md §2). */
export const ndjson: Encoder = {
  contentType: 'application/x-ndjson',
  headers: streamHeaders,
  opening: '',
  heartbeat: '',
  start:
    ({ requestId }) =>
    (batch) => {
      let lines = ''
      for (const event of batch) {
        lines += event.type === 'failed' ? JSON.stringify(toErrorBody(event.error, requestId)) : event.line
        lines += '\n'
      }
      return lines
    },
}
