import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nowMs } from './clock.ts'
import { serveCalls } from '../tests/lab/serve-calls.ts'
import { catalog } from './upstream/catalog.ts'
import { createExchanges, type Exchange } from './upstream/exchanges.ts'
import { lines } from './upstream/lines.ts'
import { createPacer } from './upstream/pacer.ts'
import { parseQuestion, type Mode } from './upstream/question.ts'

const pacer = createPacer()
const exchanges = createExchanges()

/** Headers as Ollama's. From here on we write HTTP chunks ourselves: made once, they cost nothing per token. */
function begin({ response, lines: { contentType } }: Exchange): void {
  response.writeHead(200, { 'content-type': contentType, 'transfer-encoding': 'chunked' })
  response.flushHeaders()
  response.chunkedEncoding = false
}

/** One block a turn of the event loop, and only when the last one has left: endless streams share the process fairly. */
function flood(response: ServerResponse, bytes: Buffer): void {
  if (!response.destroyed) response.write(bytes, () => setImmediate(flood, response, bytes))
}

const answers: Record<Mode, (exchange: Exchange) => void> = {
  paced(exchange) {
    const { response, seed, tokens, lines } = exchange
    let left = tokens - 1
    begin(exchange)
    response.write(lines.token)
    // Multiples of the golden ratio lie evenly in 0–1, however many there are.
    pacer.add((seed * 0.618_034) % 1, () => {
      if (response.destroyed) return 'enough'
      if (left-- > 0) return (response.write(lines.token), 'more')
      response.end(lines.ending)
      return 'enough'
    })
  },
  flat(exchange) {
    begin(exchange)
    flood(exchange.response, exchange.lines.block)
  },
  wide(exchange) {
    begin(exchange)
    flood(exchange.response, exchange.lines.wideBlock)
  },
  idle(exchange) {
    begin(exchange)
    exchange.response.write(exchange.lines.token)
  },
  silent() {},
}

const dialects: Partial<Record<string, keyof typeof lines>> = {
  '/api/generate': 'generate',
  '/api/chat': 'chat',
  '/v1/chat/completions': 'openai',
}

async function generate(request: IncomingMessage, response: ServerResponse, dialect: keyof typeof lines): Promise<void> {
  const question = parseQuestion(Buffer.concat(await request.toArray()).toString())
  const exchange = { ...question, response, lines: lines[dialect] }
  exchanges.add(exchange)
  answers[question.mode](exchange)
}

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
  const [path = '/'] = request.url?.split('?') ?? []
  const dialect = dialects[path]
  if (dialect) void generate(request, response, dialect).catch((error: unknown) => response.writeHead(400).end(String(error)))
  else if (path === '/') response.end('Ollama is running')
  else
    response
      .writeHead(catalog[path] ? 200 : 404, { 'content-type': 'application/json' })
      .end(JSON.stringify(catalog[path] ?? {}))
})
server.listen(Number(process.argv[2]), '127.0.0.1', 4096)
await once(server, 'listening')

/** What the bench may ask of this process. */
const calls = {
  port: () => (server.address() as AddressInfo).port,
  waitOpen: exchanges.waitOpen,
  waitClosed: exchanges.waitClosed,
  /** One token more on each open stream of these seeds; when the first left. */
  sendTokens(first: number, count: number): number {
    const startMs = nowMs()
    for (const { response, lines } of exchanges.openOf(first, count)) response.write(lines.token)
    return startMs
  },
}
export type UpstreamCalls = typeof calls
serveCalls(calls)
