import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createExchanges } from './upstream/exchanges.ts'
import { block, ending, token, wideBlock } from './upstream/lines.ts'
import { createPacer } from './upstream/pacer.ts'
import { serveCalls } from './serve-calls.ts'

/** How the bench's Ollama answers; asked for as the model `bench-<mode>`. */
export type Mode = 'paced' | 'flat' | 'wide' | 'idle' | 'silent'

const pacer = createPacer()
const exchanges = createExchanges()

/** Headers as Ollama's. From here on we write HTTP chunks ourselves: made once, they cost nothing per token. */
function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'transfer-encoding': 'chunked' })
  response.flushHeaders()
  response.chunkedEncoding = false
}

/** One block a turn of the event loop, and only when the last one has left: endless streams share the process fairly. */
function flood(response: ServerResponse, bytes: Buffer): void {
  if (!response.destroyed) response.write(bytes, () => setImmediate(flood, response, bytes))
}

const answers: Record<Mode, (response: ServerResponse, seed: number, tokens: number) => void> = {
  paced(response, seed, tokens) {
    let left = tokens - 1
    begin(response)
    response.write(token)
    // Multiples of the golden ratio lie evenly in 0–1, however many there are.
    pacer.add((seed * 0.618_034) % 1, () => {
      if (response.destroyed) return 'enough'
      if (left-- > 0) return (response.write(token), 'more')
      response.end(ending)
      return 'enough'
    })
  },
  flat(response) {
    begin(response)
    flood(response, block)
  },
  wide(response) {
    begin(response)
    flood(response, wideBlock)
  },
  idle(response) {
    begin(response)
    response.write(token)
  },
  silent() {},
}

async function generate(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await request.toArray()).toString()
  const { model, options } = JSON.parse(body) as { model: string; options: { seed: number; num_predict: number } }
  const mode = /^bench-(\w+)/.exec(model)?.[1] as Mode
  exchanges.add(options.seed, response)
  answers[mode](response, options.seed, options.num_predict < 0 ? Infinity : options.num_predict)
}

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
  if (request.method === 'POST') void generate(request, response).catch(() => response.destroy())
  else response.setHeader('content-type', 'application/json').end('{"version":"0.24.0","models":[]}')
})
server.listen(0, '127.0.0.1', 4096)
await once(server, 'listening')

/** What the bench may ask of this process. */
const calls = {
  port: () => (server.address() as AddressInfo).port,
  waitOpen: exchanges.waitOpen,
  waitClosed: exchanges.waitClosed,
}
export type UpstreamCalls = typeof calls
serveCalls(calls)
