import { createApp } from '../app.ts'
import { viaFetch } from '../upstreams/connect.ts'
import { checkConfig } from './bun/check-config.ts'
import { openOnBun, type BunBindings } from './bun/open.ts'
import { readConfig, standardOutput } from './host-process.ts'
import { createLog } from './log.ts'
import { run } from './run.ts'
import { sha256OfNode } from './sha256.ts'

interface Server {
  readonly hostname: string
  readonly port: number
  /**
   * Sets how long the connection of a request may be idle, in seconds; 0 = for ever. The limit
   * also holds for the next requests on that connection.
   */
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { address: string } | null
  stop(): Promise<void>
}

declare const Bun: {
  serve(options: {
    fetch: (request: Request, server: Server) => Promise<Response>
    hostname: string
    port: number
    reusePort: boolean
    /** Seconds; 0 = never. */
    idleTimeout: number
    maxRequestBodySize: number
    development: boolean
  }): Server
}

/**
 * How long the head of a request may take (docs/faults.md#F26). A byte now and then does not make
 * that longer. Bun counts in steps of 4 s.
 */
const headSeconds = 10

/**
 * How long a connection stays open for its next request, whose head must come within that time.
 */
const idleSeconds = 60

const config = readConfig(checkConfig)
const { host, port, reusePort, log } = config.server

/**
 * Without a valid `Host`, Bun's URL is only the path, and Hono finds no path in that
 * (docs/hazards.md#86).
 */
function withWholeUrl(request: Request): Request {
  return request.url.startsWith('/') ? new Request(`http://localhost${request.url}`, request) : request
}

await run(config, () => {
  const app = createApp({
    config,
    // Without `timeout: false` Bun would cut after six minutes (docs/hazards.md#15).
    connect: viaFetch((url, init) => fetch(url, { ...init, timeout: false } as RequestInit)),
    open: openOnBun,
    bound: host,
    address: (c) => (c.env as BunBindings).address,
    sha256: sha256OfNode,
    log: createLog(log, standardOutput.write),
  })
  const server = Bun.serve({
    async fetch(request, server) {
      // An answer may be silent for as long as Ollama is (docs/hazards.md#21).
      server.timeout(request, 0)
      const bindings: BunBindings = {
        address: server.requestIP(request)?.address ?? '',
        onAnswered: () => server.timeout(request, idleSeconds),
        // Otherwise Bun would try for ever to hand over what the reader does not take
        // (docs/hazards.md#78).
        onCut: () => server.timeout(request, 1),
        isStreaming: false,
      }
      const response = await app.fetch(withWholeUrl(request), bindings)
      // A reader takes an error at once, but its body may still trickle in. So the limit is short.
      if (!response.ok) server.timeout(request, headSeconds)
      else if (!bindings.isStreaming) bindings.onAnswered()
      return response
    },
    hostname: host,
    port,
    reusePort,
    idleTimeout: headSeconds,
    // The app has a limit of its own, because Bun's 413 would not have our envelope.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    // Otherwise a fault would show the reader a page with our source.
    development: false,
  })
  return { app, hostname: server.hostname, port: server.port, close: () => server.stop() }
})
