import { ndjson } from '../../encoders/ndjson.ts'
import type { Encoder } from '../../encoders/encoder.ts'
import type { GenerationEvent } from '../../generation.ts'

/** Ollama's lines, byte for byte, and failures as it tells them: a last line with nothing but `error` (docs/ollama.md §3). */
export const lines: Encoder = {
  ...ndjson,
  start: () => (batch) => {
    let text = ''
    for (const event of batch) text += (event.type === 'failed' ? toErrorLine(event) : event.line) + '\n'
    return text
  },
}

/** Its own line, unless that holds what stays inside (an address, a stack: docs/protocol.md §4). */
function toErrorLine({ error, line }: Extract<GenerationEvent, { type: 'failed' }>): string {
  if (line !== undefined && (JSON.parse(line) as { error?: unknown }).error === error.message) return line
  return JSON.stringify({ error: error.message })
}
