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
  /** How long the connection of a request may be idle, in seconds; 0 = for ever. It stays so for the next request on it. */
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

/** How long a head may take; not even a byte now and then makes that longer (F26). Bun counts in steps of 4 s. */
const headSeconds = 10

/** How long a connection may be kept for its next request, and the head of that one with it. */
const keptSeconds = 60

const config = readConfig(checkConfig)

/** Without a `Host` that is one, Bun's URL is the path alone, and Hono finds no path in it (hazard 86). */
function withWholeUrl(request: Request): Request {
  return request.url.startsWith('/') ? new Request(`http://localhost${request.url}`, request) : request
}

await run(config, () => {
  const app = createApp({
    config,
    // `timeout: false`: Bun cuts at 338 s otherwise (hazard 15).
    connect: viaFetch((url, init) => fetch(url, { ...init, timeout: false } as RequestInit)),
    open: openOnBun,
    bound: config.HOST,
    address: (c) => (c.env as BunBindings).address,
    sha256: sha256OfNode,
    log: createLog(config.SLUICE_LOG ?? 'json', standardOutput.write),
  })
  const server = Bun.serve({
    async fetch(request, server) {
      server.timeout(request, 0) // an answer may be silent for as long as Ollama is (hazard 21)
      const bindings: BunBindings = {
        address: server.requestIP(request)?.address ?? '',
        onAnswered: () => server.timeout(request, keptSeconds),
        onCut: () => server.timeout(request, 1), // Bun would wait for ever to hand over what its reader does not take (hazard 78)
        isStreaming: false,
      }
      const response = await app.fetch(withWholeUrl(request), bindings)
      // An error is soon taken, and may be about a body that still trickles in.
      if (!response.ok) server.timeout(request, headSeconds)
      else if (!bindings.isStreaming) bindings.onAnswered()
      return response
    },
    hostname: config.HOST,
    port: config.PORT,
    reusePort: config.SLUICE_REUSE_PORT,
    idleTimeout: headSeconds,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app has a limit: Bun's own 413 is without our envelope
    development: false, // or a fault shows a page with our source
  })
  return { app, hostname: server.hostname, port: server.port, close: () => server.stop() }
})
