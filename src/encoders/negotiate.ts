import type { Encoder } from './encoder.ts'
import { ndjson } from './ndjson.ts'
import { sse } from './sse.ts'
import { text } from './text.ts'

/** The framings that `Accept` chooses from, the default first. A new one is a line here. */
export const framings: readonly { readonly encoder: Encoder; readonly types: readonly string[] }[] = [
  { encoder: sse, types: ['text/event-stream'] },
  // Ollama's own clients send `application/json` on streams.
  { encoder: ndjson, types: ['application/x-ndjson', 'application/json'] },
  { encoder: text, types: ['text/plain'] },
]

/**
 * The framing that an `Accept` header asks for (docs/protocol.md §2): the one with the best quality, and the earlier one in
 * a tie. A wildcard, no header and anything else is SSE. A framing whose failures are cuts has to be wanted more than
 * anything else, because axios and Angular name `text/plain` beside JSON; where `canCut` is false it is not offered.
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

/** RFC 9110 §12.4.2: 0 to 1, and 1 where there is none. */
function toQuality(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return quality >= 0 && quality <= 1 ? quality : 0
}
