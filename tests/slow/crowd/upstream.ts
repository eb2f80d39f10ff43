import { serveCalls } from '../../../bench/serve-calls.ts'
import { toDoneLine } from '../../fixtures/ollama-lines.ts'
import { thenSilent } from '../../fixtures/scripts.ts'
import { startUpstream } from '../../fixtures/upstream.ts'

const upstream = await startUpstream()
const end = Promise.withResolvers<void>()
const model = upstream.script(async (exchange) => {
  await thenSilent(1)(exchange)
  await end.promise
  exchange.chunk(`${toDoneLine(exchange.request, 1)}\n`)
  exchange.end()
})

/** A scripted Ollama in a process of its own: one token a stream, then silence until all may end. */
const calls = {
  where: () => ({ url: upstream.url, model }),
  end: () => end.resolve(),
}
export type UpstreamCalls = typeof calls
serveCalls(calls)
