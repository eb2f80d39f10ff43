import type { Encoder } from '../../encoders/encoder.ts'
import { ndjson } from '../../encoders/ndjson.ts'
import { toErrorLine } from './failure.ts'

/** Ollama's lines, byte for byte, and a failure as Ollama would tell it. */
export const ollamaStream: Encoder = {
  ...ndjson,
  start:
    ({ emit }) =>
    (batch) => {
      for (const event of batch) emit(`${event.type === 'failed' ? toErrorLine(event) : event.line}\n`)
    },
}
