import type { Encoder } from './encoder.ts'
import { ndjson } from './ndjson.ts'
import { parseAccept } from './parse-accept.ts'
import { sse } from './sse.ts'
import { text } from './text.ts'

/** The framings that a client can choose with `Accept`. The first one is the default. */
export const framings: readonly { readonly encoder: Encoder; readonly types: readonly string[] }[] = [
  { encoder: sse, types: ['text/event-stream'] },
  // Ollama's own clients send `Accept: application/json` even when they ask for a stream.
  { encoder: ndjson, types: ['application/x-ndjson', 'application/json'] },
  { encoder: text, types: ['text/plain'] },
]

/**
 * Returns the framing that an `Accept` header asks for (docs/protocol.md#2-native). The highest
 * quality value (`q`) wins. In a tie, the framing that is earlier in `framings` wins. A wildcard, a
 * missing header or any other type selects SSE. Plain text needs a higher `q` than every other
 * framing, because axios and Angular send `text/plain` in addition to JSON. Plain text reports a
 * failure by a broken connection, so it is not available if `canCut` is false.
 */
export function negotiate(accept: string | undefined, canCut: boolean): Encoder {
  const ranges = parseAccept(accept)
  const qualityOf = (types: readonly string[]) => ranges.find(({ name }) => types.includes(name))?.quality
  const ofSse = qualityOf(['text/event-stream']) ?? qualityOf(['text/*', '*/*']) ?? 0
  let [best] = framings
  for (const framing of framings.slice(1)) {
    const needsCut = framing.encoder.failure === 'cut'
    if (needsCut && !canCut) continue
    const rival = Math.max(qualityOf(best!.types) ?? 0, needsCut ? ofSse : 0)
    if ((qualityOf(framing.types) ?? 0) > rival) best = framing
  }
  return best!.encoder
}
