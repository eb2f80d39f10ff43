import { Hono, type Context } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import type { Config } from './config/parse-config.ts'
import type { Emulator } from '#fake-ollama'
import { createDialectAt, createDialects } from './dialects.ts'
import { ServiceError } from './errors.ts'
import { assets as files } from './generated/assets.ts'
import { accessLog, type LogLine } from './middleware/access-log.ts'
import type { Decompression } from './middleware/codings.ts'
import type { Env } from './middleware/env.ts'
import { hostGuard } from './middleware/host-guard.ts'
import { jsonBody } from './middleware/json-body.ts'
import { keyGuard, sha256OfWebCrypto, type Sha256 } from './middleware/keys.ts'
import { answerGuard, rateGuard } from './middleware/limit-guards.ts'
import type { Limits } from './middleware/limits.ts'
import { createMemoryLimits } from './middleware/memory-limits.ts'
import { toMethodError } from './middleware/methods.ts'
import { originGuard } from './middleware/origin-guard.ts'
import { requestId, requestIdIn } from './middleware/request-id.ts'
import { securityHeaders } from './middleware/security-headers.ts'
import { openWithStreamSSE, type Open } from './relay/sink.ts'
import { createStreams } from './relay/streams.ts'
import { assets } from './routes/assets.ts'
import { blobs } from './routes/blobs.ts'
import { cancel } from './routes/cancel.ts'
import { toErrorResponse } from './routes/error-response.ts'
import { generations } from './routes/generations.ts'
import { health } from './routes/health.ts'
import { questions } from './routes/questions.ts'
import { viaFetch, type Connect } from './upstreams/connect.ts'
import { createOllama } from './upstreams/ollama.ts'
import { createPolicy } from './upstreams/policy.ts'
import { createQueue } from './upstreams/queue.ts'
import { createThink } from './upstreams/think.ts'
import type { Upstream } from './upstreams/upstream.ts'
import { createWaiting, type WaitingOptions } from './upstreams/waiting.ts'

/** What a runtime may replace; each has a portable default. */
export interface AppOptions {
  config: Config
  /** How bytes arrive from the upstream. */
  connect?: Connect
  /** How a streaming response is opened. */
  open?: Open
  /** Keeps a promise alive after the response: `waitUntil` on workerd, nothing elsewhere. */
  waitUntil?: (c: Context, promise: Promise<unknown>) => void
  /** The caller's address. Limits count by it where there are no keys. */
  address?: (c: Context) => string
  /**
   * The host that the server listens on. Absent where there is none, as on Workers. Then the
   * `Host` header is checked only if there is a list of allowed hosts.
   */
  bound?: string
  /**
   * A mistake in the configuration. It is the answer to all requests but the two that ask whether
   * the server is alive.
   */
  problem?: ServiceError
  /** Decodes a body in zstd, where the runtime's `DecompressionStream` does not. */
  zstd?: () => Decompression
  /** A way to hash a key that costs less CPU than the default. */
  sha256?: Sha256
  /** Limits that are counted elsewhere than in this process. */
  limits?: Limits
  /**
   * How many loads of one shared value may be under way at once. Shared values are the readiness,
   * the default model and the loaded models. The number must be higher where a load may die with
   * its request.
   */
  maxLoads?: number
  /** Gets the access log's lines. */
  log?: (line: LogLine) => void
  /** Milliseconds of a monotonic clock. */
  now?: () => number
}

export interface App {
  fetch: Hono<Env>['fetch']
  /**
   * Takes no new work, waits for the open streams, and ends the remaining ones after the grace.
   */
  drain(graceMs: number): Promise<void>
}

/**
 * The base URLs that people give to clients. To test a connection, some clients ask whether
 * anybody answers there.
 */
const bases = ['/v1', '/v1/']
const ollamaBases = ['/ollama', '/ollama/api', '/ollama/v1'].flatMap((base) => [base, `${base}/`])

/** The paths that a link from any site may open. */
const openPaths = new Set(['/', '/ping', '/healthz', '/readyz', ...bases, ...ollamaBases, ...files.map(({ path }) => path)])

/** Sluice: every route on one screen. */
export function createApp({
  config,
  connect = viaFetch((url, init) => fetch(url, init)),
  open = openWithStreamSSE,
  waitUntil = () => {},
  address = () => '',
  bound,
  problem,
  zstd,
  sha256 = sha256OfWebCrypto,
  limits: sharedLimits,
  maxLoads = 2,
  log = () => {},
  now = () => performance.now(),
}: AppOptions): App {
  const { keys, insecure, hosts, origins, management } = config.access
  const { perCaller, deadlines } = config
  const { maxStreams, maxBodyBytes, maxLineBytes } = config.limits
  const limits = sharedLimits ?? createMemoryLimits({ ...perCaller, now })
  const streams = createStreams({ max: maxStreams })
  const ollama = toOllama(config, connect)
  const upstream = toUpstream(config, ollama, { maxLoads, now })
  const body = jsonBody({ maxBytes: maxBodyBytes, zstd })
  const streaming = { body, upstream, streams, deadlines, maxBytes: maxLineBytes, open, waitUntil, now }
  const dialects = createDialects({ management })
  // Every error has the envelope of the dialect at its path.
  const dialectAt = createDialectAt(dialects)

  const app = new Hono<Env>()
  app
    .use(requestId, accessLog({ log, now }), securityHeaders({ isPage: (path) => path === '/' }))
    .use(requestIdIn((path) => dialectAt(path).requestIdHeader))
    .use(hostGuard({ bound, allowed: hosts, isKeyless: keys.length === 0 && !insecure, problem }))
    .use(originGuard({ origins, isOpen: (path) => openPaths.has(path) }))
    .use(
      methodNotAllowed({
        app,
        onMethodNotAllowed: (c, methods) => toErrorResponse(c, toMethodError(methods), dialectAt(c.req.path)),
      }),
    )
    .route('/', assets(files))
    .route('/', health({ upstream: ollama, streams, maxLoads, now }))
    .on('GET', bases, (c) => c.text('Sluice is running'))
    .on('GET', ollamaBases, (c) => c.text('Ollama is running'))
    // From here on a request needs a key, if there are keys.
    .use(keyGuard({ keys, sha256 }), rateGuard({ limits, max: perCaller.perMinute, address }))
    // Mounted before the limit, so that a client at its limit can still cancel.
    .route('/', cancel({ streams }))
    .use(answerGuard({ limits, max: perCaller.streams, address }))
    .notFound((c) => toErrorResponse(c, notFound(), dialectAt(c.req.path)))
    .onError((error, c) => {
      // If the caller left while it sent its body, that is nobody's error.
      if (!(error instanceof ServiceError) && c.req.raw.signal.aborted) {
        c.var.entry.ended = 'left'
        return new Response(null, { status: 499 })
      }
      return toErrorResponse(c, error, dialectAt(c.req.path))
    })
  for (const dialect of dialects) {
    app.route('/', generations({ dialect, ...streaming }))
    app.route('/', questions({ dialect, body, upstream, streams }))
  }
  if (management) for (const base of ['/', '/ollama']) app.route(base, blobs({ upstream, streams }))

  return { fetch: app.fetch, drain: streams.drain }
}

function notFound(): ServiceError {
  return new ServiceError('not_found', 'No route has this path: check the base URL of the client')
}

function toOllama({ upstream: { demo, ...upstream }, limits, deadlines }: Config, connect: Connect): Upstream {
  return createOllama({
    ...upstream,
    maxLineBytes: limits.maxLineBytes,
    embedTimeoutMs: deadlines.firstTokenMs,
    connect: demo ? viaFetch(toDemo()) : connect,
  })
}

/** Ollama behind the rules for models, and behind the queue if there is one. */
function toUpstream(
  { queue, models, clamps, deadlines }: Config,
  ollama: Upstream,
  loading: Pick<WaitingOptions, 'maxLoads' | 'now'>,
): Upstream {
  const base = createWaiting({ upstream: createThink({ upstream: ollama, ...loading }), ...loading })
  const queued = () => createQueue({ upstream: base, ...queue, embedTimeoutMs: deadlines.firstTokenMs })
  return createPolicy({ upstream: queue.running > 0 ? queued() : base, ...models, clamps, ...loading })
}

/**
 * The emulator. It is loaded at its first request, because it is a third of the source and most
 * servers run without it.
 */
function toDemo(): Emulator['fetch'] {
  let emulator: Emulator | undefined
  return async (url, init) => {
    const { createEmulator } = await import('#fake-ollama')
    emulator ??= createEmulator()
    return emulator.fetch(url, init)
  }
}
