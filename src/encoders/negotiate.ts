import { parseAccept } from 'hono/utils/accept'
import type { Encoder } from './encoder.ts'
import { ndjson } from './ndjson.ts'
import { sse } from './sse.ts'
import { text } from './text.ts'

/** The framings that `Accept` chooses from, the default first. A new framing adds a line here. */
export const framings: readonly { readonly encoder: Encoder; readonly types: readonly string[] }[] = [
  { encoder: sse, types: ['text/event-stream'] },
  // Ollama's own clients send `application/json` on streams.
  { encoder: ndjson, types: ['application/x-ndjson', 'application/json'] },
  { encoder: text, types: ['text/plain'] },
]

/**
 * The framing that an `Accept` header asks for (docs/protocol.md#2-native). The best quality wins,
 * and in a tie the earlier framing wins. A wildcard, no header and anything else give SSE. A
 * framing whose failures are cuts wins only if its quality is above all others, because axios and
 * Angular name `text/plain` beside JSON. It is not offered where `canCut` is false.
 */
export function negotiate(accept: string | undefined, canCut: boolean): Encoder {
  const ranges = parseAccept(accept?.toLowerCase() ?? '') // sorted, the best quality first
  const qualityOf = (types: readonly string[]) => ranges.find(({ type }) => types.includes(type))?.q
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
