import { createApp, type App, type AppOptions } from '../../app.ts'
import { toAppOptions, toEmbedded, type Sluice, type SluiceOptions } from '../../sluice.ts'
import { checkServer } from '../check-server.ts'
import type { Listener } from '../run.ts'
import { sha256OfNode } from '../sha256.ts'
import { checkConfig } from './check-config.ts'
import { connectOnBun } from './connect.ts'
import { openOnBun, type BunBindings } from './open.ts'

export type { Sluice, SluiceOptions } from '../../sluice.ts'

/** What Bun's server knows of a request. */
interface Requests {
  /**
   * Sets how long the connection of a request may be idle, in seconds. 0 means no limit. The limit
   * also applies to later requests on that connection.
   */
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { address: string } | null
}

interface Server extends Requests {
  readonly hostname: string
  readonly port: number
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

/** The parts of Bun. */
const parts = {
  open: openOnBun,
  address: (c) => (c.env as BunBindings).address,
  sha256: sha256OfNode,
} satisfies Partial<AppOptions>

/**
 * Creates Sluice for another app on Bun. `fetch` needs the server of Bun beside a request, as
 * `Bun.serve` and Hono pass it. Without it, Bun closes a connection that is silent for ten seconds,
 * and the limits do not know the address of a caller.
 * @throws ConfigError if `env` or `base` has mistakes
 */
export function createSluice(options: SluiceOptions): Sluice {
  const appOptions = toAppOptions(toEmbedded(options))
  checkConfig(appOptions.config)
  const app = createApp({ ...appOptions, ...parts, connect: connectOnBun(appOptions.config.upstream) })
  return { drain: app.drain, fetch: (request, platform) => answer(app, request, toServer(platform)) }
}

/**
 * Starts Sluice as a server at `HOST` and `PORT` of `env`.
 * @throws ConfigError if `env` or `base` has mistakes, or the error of Bun if it cannot listen
 */
export async function serve(options: SluiceOptions): Promise<Listener> {
  const appOptions = toAppOptions(options)
  await checkServer(appOptions.config, { hasPrincipals: options.principal !== undefined })
  checkConfig(appOptions.config)
  return listen(appOptions)
}

/** Starts a server of an app with the parts of Bun. */
export function listen(options: Omit<AppOptions, 'open' | 'connect'>): Listener {
  const { host, port, reusePort } = options.config.server
  const connect = connectOnBun(options.config.upstream)
  const app = createApp({ ...options, ...parts, connect, bound: host })
  const server = Bun.serve({
    fetch: (request, server) => answer(app, request, server),
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
}

async function answer(app: App, request: Request, server: Requests | undefined): Promise<Response> {
  // The connection must not time out while Ollama is silent (docs/hazards.md#21).
  server?.timeout(request, 0)
  const bindings: BunBindings = {
    address: server?.requestIP(request)?.address ?? '',
    onAnswered: () => server?.timeout(request, idleSeconds),
    isStreaming: false,
  }
  const response = await app.fetch(withWholeUrl(request), bindings)
  // After an error response, the caller may still be sending its request body. A short limit
  // prevents a slow body from keeping the connection open.
  if (!response.ok) server?.timeout(request, headSeconds)
  else if (!bindings.isStreaming) bindings.onAnswered()
  return response
}

/** Hono passes the server of Bun, or an object that has it, as `hono/bun` expects. */
function toServer(platform: unknown): Requests | undefined {
  const { server = platform } = (platform ?? {}) as { server?: unknown }
  return typeof (server as Partial<Requests> | undefined)?.timeout === 'function' ? (server as Requests) : undefined
}

/**
 * Makes the URL of a request absolute. If the `Host` is not valid, Bun's URL is only the path, and
 * Hono cannot find the path in it (docs/hazards.md#86).
 */
function withWholeUrl(request: Request): Request {
  return request.url.startsWith('/') ? new Request(`http://localhost${request.url}`, request) : request
}
