import type { Encoder } from '../../encoders/encoder.ts'
import { folded } from '../../encoders/folded.ts'
import { ndjson } from '../../encoders/ndjson.ts'
import { sse } from '../../encoders/sse.ts'

/**
 * Which framing an answer has (docs/protocol.md §2). `application/json` counts as NDJSON, since Ollama's own clients send it on streams;
 * a tie, a wildcard, no header and anything else is SSE.
 */
export function toFraming(stream: boolean, accept = ''): Encoder {
  if (!stream) return folded
  let events = 0
  let lines = 0
  for (const range of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim())
    const quality = toQuality(parameters)
    if (type === 'text/event-stream') events = Math.max(events, quality)
    if (type === 'application/x-ndjson' || type === 'application/json') lines = Math.max(lines, quality)
  }
  return lines > events ? ndjson : sse
}

/** RFC 9110 §12.4.2: 0 to 1, and 1 where there is none. */
function toQuality(parameters: string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return quality >= 0 && quality <= 1 ? quality : 0
}
