import { toDeltaLine } from '#fake-ollama/ollama-lines.ts'
import { ndjson } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'

/** Sends two tokens, and runs `end` once a test has read them. */
export function twoTokensThen(end: Script): Script {
  return async (exchange) => {
    exchange.head(200, ndjson)
    for (const text of ['One', ' two']) exchange.chunk(`${toDeltaLine(exchange.request, text)}\n`)
    await exchange.passed
    await end(exchange)
  }
}

/**
 * Ways in which an upstream can end in the middle of a stream, each with the error code that Sluice
 * must send.
 */
export const deaths: readonly (readonly [name: string, code: string, end: Script])[] = [
  ['resets the connection', 'upstream_failed', ({ reset }) => reset()],
  ['closes the connection', 'upstream_failed', ({ fin }) => fin()],
  ['ends without a terminal', 'upstream_truncated', ({ end }) => end()],
  ['tells of an error', 'upstream_failed', (exchange) => (exchange.chunk('{"error":"the runner died"}\n'), exchange.end())],
]
