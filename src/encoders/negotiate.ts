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
 * The framing that an `Accept` header asks for (docs/protocol.md §2). The best quality wins, and
 * in a tie the earlier framing wins. A wildcard, no header and anything else give SSE. A framing
 * whose failures are cuts wins only if its quality is above all others, because axios and Angular
 * name `text/plain` beside JSON. It is not offered where `canCut` is false.
 */
export function negotiate(accept: string | undefined, canCut: boolean): Encoder {
  const qualities = toQualities(accept)
  const qualityOf = (types: readonly string[]) => Math.max(...types.map((type) => qualities.get(type) ?? 0))
  const wildcard = qualities.get('text/event-stream') ?? qualityOf(['text/*', '*/*'])
  let [best] = framings
  for (const framing of framings.slice(1)) {
    const needsCut = framing.encoder.failure === 'cut'
    if (needsCut && !canCut) continue
    const rival = Math.max(qualityOf(best!.types), needsCut ? wildcard : 0)
    if (qualityOf(framing.types) > rival) best = framing
  }
  return best!.encoder
}

/** The best quality of each media range in the header. */
function toQualities(accept = ''): ReadonlyMap<string, number> {
  const qualities = new Map<string, number>()
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    qualities.set(type, Math.max(qualities.get(type) ?? 0, toQuality(parameters)))
  }
  return qualities
}

/**
 * The quality of a media range, from 0 to 1 (RFC 9110 §12.4.2). A range without one has 1. An
 * invalid one counts as 0.
 */
function toQuality(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return quality >= 0 && quality <= 1 ? quality : 0
}
