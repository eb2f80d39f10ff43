import { ndjson } from '../../encoders/ndjson.ts'
import type { Encoder } from '../../encoders/encoder.ts'
import type { GenerationEvent } from '../../generation.ts'

/** Ollama's lines, byte for byte, and failures as it tells them: a last line with nothing but `error` (docs/ollama.md §3). */
export const lines: Encoder = {
  ...ndjson,
  start:
    ({ emit }) =>
    (batch) => {
      for (const event of batch) emit(`${event.type === 'failed' ? toErrorLine(event) : event.line}\n`)
    },
}

/** Its own line, unless that says more than a reader is told: an address, a stack, where its owner signs in (docs/protocol.md §4). */
function toErrorLine({ error: { message }, line }: Extract<GenerationEvent, { type: 'failed' }>): string {
  if (line !== undefined) {
    const said = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (said.error === message && Object.keys(said).length === 1) return line
  }
  return JSON.stringify({ error: message })
}
