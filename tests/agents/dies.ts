import { toDeltaLine } from '#fake-ollama/ollama-lines.ts'
import { ndjson } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'

/** Two tokens, and then this at once: a program that prints the whole answer shows nothing to wait for. */
export function dies(end: Script): Script {
  return (exchange) => {
    exchange.head(200, ndjson)
    for (const text of ['One', ' two']) exchange.chunk(`${toDeltaLine(exchange.request, text)}\n`)
    return end(exchange)
  }
}
