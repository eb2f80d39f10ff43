import { toDeltaLine } from '#fake-ollama/ollama-lines.ts'
import { ndjson } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'

/**
 * Sends two tokens and immediately runs `end`. The script cannot wait until the program has printed
 * the tokens, because some programs print only whole answers.
 */
export function dies(end: Script): Script {
  return (exchange) => {
    exchange.head(200, ndjson)
    for (const text of ['One', ' two']) exchange.chunk(`${toDeltaLine(exchange.request, text)}\n`)
    return end(exchange)
  }
}
