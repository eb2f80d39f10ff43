import { serveCalls } from '../../lab/serve-calls.ts'
import { toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'

const upstream = await startUpstream()
const end = Promise.withResolvers<void>()
const model = upstream.script(async (exchange) => {
  await thenSilent(1)(exchange)
  await end.promise
  exchange.chunk(`${toDoneLine(exchange.request, 1)}\n`)
  exchange.end()
})

/**
 * A scripted Ollama in a process of its own. It sends one token per stream, and then waits until
 * the test calls `end`.
 */
const calls = {
  where: () => ({ url: upstream.url, model }),
  end: () => end.resolve(),
}
export type UpstreamCalls = typeof calls
serveCalls(calls)
