/** The framings that `Accept` chooses from (docs/protocol.md §2). */
export type Framing = 'sse' | 'ndjson' | 'text'

/**
 * Which framing an `Accept` header asks for. `application/json` counts as NDJSON, because Ollama's own clients send it on
 * streams. Text has to be named, and to be wanted more than anything else, because axios and Angular name it beside JSON.
 * A tie, a wildcard, no header and anything else is SSE.
 */
export function negotiate(accept = ''): Framing {
  const best = { sse: 0, ndjson: 0, text: 0, any: 0 }
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const kind = kinds[type]
    if (kind) best[kind] = Math.max(best[kind], toQuality(parameters))
  }
  if (best.text > Math.max(best.sse, best.ndjson, best.any)) return 'text'
  return best.ndjson > best.sse ? 'ndjson' : 'sse'
}

const kinds: Readonly<Partial<Record<string, Framing | 'any'>>> = {
  'text/event-stream': 'sse',
  'application/x-ndjson': 'ndjson',
  'application/json': 'ndjson',
  'text/plain': 'text',
  'text/*': 'any',
  '*/*': 'any',
}

/** RFC 9110 §12.4.2: 0 to 1, and 1 where there is none. */
function toQuality(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return quality >= 0 && quality <= 1 ? quality : 0
}
