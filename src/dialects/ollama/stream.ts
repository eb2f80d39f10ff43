import type { Encoder } from '../../encoders/encoder.ts'
import { ndjson } from '../../encoders/ndjson.ts'
import { toErrorLine } from './failure.ts'

/** Ollama's lines, byte for byte. A failure is a line in Ollama's format. */
export const ollamaStream: Encoder = {
  ...ndjson,
  start:
    ({ emit }) =>
    (batch) => {
      for (const event of batch) emit(`${event.type === 'failed' ? toErrorLine(event) : event.line}\n`)
    },
}
