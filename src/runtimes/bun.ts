import { createApp } from '../app.ts'
import { createMemoryLogs } from '../streams/memory-log.ts'
import { checkConfig } from './bun/check-config.ts'
import { connectOnBun } from './bun/connect.ts'
import { openOnBun, type BunBindings } from './bun/open.ts'
import { readConfig, standardOutput } from './host-process.ts'
import { createLog } from './log.ts'
import { run } from './run.ts'
import { sha256OfNode } from './sha256.ts'
import { openStore } from './store.ts'

interface Server {
  readonly hostname: string
  readonly port: number
  /**
   * Sets how long the connection of a request may be idle, in seconds. 0 means no limit. The limit
   * also applies to later requests on that connection.
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
 * How long the head of a request may take to arrive (docs/faults.md#F26). Single bytes do not
 * extend this time. Bun measures it in steps of 4 s.
 */
const headSeconds = 10

/**
 * How long a connection stays open between requests. The head of the next request must arrive
 * within that time.
 */
const idleSeconds = 60

const config = await readConfig(checkConfig)
const { host, port, reusePort, log } = config.server

/**
 * Makes the URL of a request absolute. If the `Host` is not valid, Bun's URL is only the path, and
 * Hono cannot find the path in it (docs/hazards.md#86).
 */
function withWholeUrl(request: Request): Request {
  return request.url.startsWith('/') ? new Request(`http://localhost${request.url}`, request) : request
}

await run(config, async () => {
  const connect = connectOnBun()
  const app = createApp({
    config,
    connect,
    open: openOnBun,
    bound: host,
    address: (c) => (c.env as BunBindings).address,
    sha256: sha256OfNode,
    logs: createMemoryLogs(config.resume),
    ...(await openStore(config)),
    log: createLog(log, standardOutput.write),
  })
  const server = Bun.serve({
    async fetch(request, server) {
      // The connection must not time out while Ollama is silent (docs/hazards.md#21).
      server.timeout(request, 0)
      const bindings: BunBindings = {
        address: server.requestIP(request)?.address ?? '',
        onAnswered: () => server.timeout(request, idleSeconds),
        isStreaming: false,
      }
      const response = await app.fetch(withWholeUrl(request), bindings)
      // After an error response, the caller may still be sending its request body. A short limit
      // prevents a slow body from keeping the connection open.
      if (!response.ok) server.timeout(request, headSeconds)
      else if (!bindings.isStreaming) bindings.onAnswered()
      return response
    },
    hostname: host,
    port,
    reusePort,
    idleTimeout: headSeconds,
    // The app limits the body itself, because the 413 response of Bun would not have our error
    // format.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    // In development mode, Bun would answer an unexpected error with a page that shows our source
    // code.
    development: false,
  })
  return { app, connect, hostname: server.hostname, port: server.port, close: () => server.stop() }
})
