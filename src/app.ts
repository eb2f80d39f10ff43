import type { Context, Hono } from 'hono'
import { matchedRoutes } from 'hono/route'
import { needsKey } from './config/needs-key.ts'
import type { Config } from './config/parse-config.ts'
import { createAppTelemetry, createUpstreams, type Upstreams } from './backend.ts'
import { createDialectAt, createDialects, toNames, toSurfaces } from './dialects.ts'
import { ServiceError } from './errors.ts'
import { assets as pageFiles } from './generated/assets.ts'
import { openapi } from './generated/openapi.ts'
import { baseGuard, getPathBelow } from './middleware/base.ts'
import { accessLog, type AccessLogOptions, type LogLine } from './middleware/access-log.ts'
import type { Codings } from './middleware/codings.ts'
import type { Env } from './middleware/env.ts'
import { hostGuard } from './middleware/host-guard.ts'
import { jsonBody } from './middleware/json-body.ts'
import { createKeyRing, type KeyRing } from './middleware/key-ring.ts'
import { createKeyPrincipal, sha256OfWebCrypto, type Sha256 } from './middleware/keys.ts'
import { limitGuard } from './middleware/limit-guard.ts'
import type { Limits } from './middleware/limits.ts'
import { createMemoryLimits } from './middleware/memory-limits.ts'
import { noRoute, toMethodError, toMethods } from './middleware/methods.ts'
import { createIsOperator, operatorGuard } from './middleware/operator-guard.ts'
import { principalGuard, type ToPrincipal } from './middleware/principal-guard.ts'
import { originGuard } from './middleware/origin-guard.ts'
import { requestId, requestIdIn } from './middleware/request-id.ts'
import { securityHeaders } from './middleware/security-headers.ts'
import { createStreamTokens } from './middleware/stream-tokens.ts'
import { createTokenBudget } from './middleware/token-budget.ts'
import { tokenGuard } from './middleware/token-guard.ts'
import { createTokenPrincipal } from './middleware/token-principal.ts'
import { trace } from './middleware/trace.ts'
import type { Open } from './relay/sink.ts'
import { createStreams } from './relay/streams.ts'
import { assets, isPage } from './routes/assets.ts'
import { createAttach } from './routes/attach.ts'
import { blobs } from './routes/blobs.ts'
import { cancel } from './routes/cancel.ts'
import { chatRoutes } from './routes/chats.ts'
import { createRoutes } from './routes/create-routes.ts'
import { toErrorResponse } from './routes/error-response.ts'
import { generations, type GenerationsOptions } from './routes/generations.ts'
import { health } from './routes/health.ts'
import { metrics } from './routes/metrics.ts'
import { questions } from './routes/questions.ts'
import type { Elsewhere } from './routes/elsewhere.ts'
import { asksForRun, record } from './routes/record.ts'
import { responseRoutes } from './routes/responses.ts'
import { status } from './routes/status.ts'
import { resumePost, streamRoutes } from './routes/streams.ts'
import { tokenRoute } from './routes/tokens.ts'
import { usageRoute } from './routes/usage.ts'
import type { RunLogs } from './streams/run-log.ts'
import { createRuns, type SharedRuns } from './streams/runs.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import type { Connect } from './upstreams/connect.ts'

/**
 * The configuration, and the parts that a runtime may replace. Each part but `open` has a
 * portable default.
 */
export interface AppOptions {
  config: Config
  /**
   * Says who sends a request, in place of the keys of the configuration. Use it if the app around
   * Sluice knows its callers, for example by a session or a JWT.
   */
  principal?: ToPrincipal
  /** Sends a request to the upstream and receives the response. */
  connect?: Connect
  /**
   * What is asked of Ollama. By default, each app has its own. Apps that share it have one queue
   * together.
   */
  upstreams?: Upstreams
  /**
   * Opens a streaming response. A runtime without an `Open` of its own passes `openWithStreamSSE`.
   */
  open: Open
  /**
   * Returns the function that keeps the work of a promise running after the response. workerd needs
   * `waitUntil` for this. Other runtimes need nothing.
   */
  toWaitUntil?: (c: Context) => (promise: Promise<unknown>) => void
  /**
   * Returns the IP address of the caller. If the configuration has no keys, the limits treat each
   * address as one caller.
   */
  address?: (c: Context) => string
  /**
   * The host that the server listens on. It is undefined on Workers. There, the `Host` header is
   * checked only if the configuration lists allowed hosts.
   */
  bound?: string
  /**
   * An error in the configuration. Every request gets this error as its response, except requests
   * to `/ping` and `/healthz`.
   */
  problem?: ServiceError
  /** Returns the content codings that a body may have. By default, all of `DecompressionStream`. */
  findCodings?: () => Codings
  /**
   * The keys of callers, if they can change. Callers then need a key. By default, the keys are
   * those of the configuration.
   */
  keys?: KeyRing
  /** Hashes a key with less CPU than the default does. */
  sha256?: Sha256
  /**
   * Counts the requests and answers of each caller in a store outside this process. By default,
   * they are counted in the memory of this process.
   */
  limits?: Limits
  /** Keeps the answers that a reader can resume. By default, no answer can be resumed. */
  logs?: RunLogs
  /** The places of the runs, if they are outside of this app. */
  elsewhere?: Elsewhere
  /** The runs of all processes. By default, a process knows only its own runs. */
  shared?: SharedRuns
  /** The store of all processes. `/readyz` says whether it can be used. */
  store?: { readonly isReady: boolean }
  /**
   * How many requests may load the same cached value at the same time. The cached values are the
   * result of the readiness check and Ollama's lists of models. Some runtimes may stop a load when
   * the request that started it ends. Such a runtime needs a higher number.
   */
  maxLoads?: number
  /** Writes a line of the access log. */
  log?: (line: LogLine) => void
  /**
   * Counts and traces requests, and the tokens of each key. By default, each app has its own. Apps
   * that share it count together.
   */
  telemetry?: Telemetry
  /** Returns the time of a monotonic clock in milliseconds. */
  now?: () => number
}

export interface App {
  fetch: Hono<Env>['fetch']
  /**
   * Rejects new streams and waits until the open streams end. After `graceMs`, ends the streams
   * that are still open.
   */
  drain(graceMs: number): Promise<void>
}

/**
 * The paths of the base URLs that people enter into clients. These paths have routes, because some
 * clients test the connection with a GET to the base URL.
 */
const bases = ['/v1', '/v1/']
const ollamaBases = ['/ollama', '/ollama/api', '/ollama/v1'].flatMap((base) => [base, `${base}/`])

/** The files that are served from memory. */
const files = [...pageFiles, openapi]

/** The paths that a link from any site may open. */
const openPaths = new Set(['/', '/ping', '/healthz', '/readyz', ...bases, ...ollamaBases, ...files.map(({ path }) => path)])

/** The paths that have the content security policy of a page. */
const pagePaths = new Set(pageFiles.filter(isPage).map(({ path }) => path))

/** Creates the app, with all middleware and routes in their order. */
export function createApp({
  config,
  principal,
  connect,
  upstreams,
  open,
  toWaitUntil = () => () => {},
  address = () => '',
  bound,
  problem,
  findCodings,
  keys,
  sha256 = sha256OfWebCrypto,
  limits: sharedLimits,
  logs,
  elsewhere,
  shared,
  store,
  maxLoads = 2,
  log = () => {},
  telemetry: sharedTelemetry,
  now = () => performance.now(),
}: AppOptions): App {
  const { tokenSecret, insecure, hosts, origins, management } = config.access
  const { perCaller, deadlines, resume } = config
  const { base } = config.server
  const { maxStreams, maxBodyBytes, maxLineBytes } = config.limits

  // Who asks, and what the caller may use.
  const ring = principal ? undefined : (keys ?? (needsKey(config) ? createKeyRing(config.access.keys) : undefined))
  const tokens = ring && tokenSecret !== undefined ? createStreamTokens({ secret: tokenSecret }) : undefined
  const ofKey = createKeyPrincipal({ ring, sha256 })
  const ofToken = tokens && createTokenPrincipal({ tokens, ring: ring!, base, ofKey })
  const isOpenHere = (config.access.operator || config.upstream.demo) && !ring && !principal
  const isOperator = createIsOperator({ isOpenHere, address })
  const guard = operatorGuard(isOperator)
  const limits = sharedLimits ?? createMemoryLimits({ now })
  const budget = createTokenBudget({ limits, quota: perCaller, address })

  // What runs, and who hears of it.
  const streams = createStreams({ max: maxStreams, isValid: (name) => !ring || ring.get(name) !== undefined })
  ring?.onRevoked(streams.revoke)
  shared?.onCancel(streams.cancel)
  const { pool, upstream } = upstreams ?? createUpstreams({ config, connect, maxLoads, now })
  const telemetry = sharedTelemetry ?? createAppTelemetry({ config, view: pool.peek, now })
  const listeners: AccessLogOptions['listeners'] = [(line) => log(line), telemetry.hear]

  // How an answer gets to its readers.
  const body = jsonBody({ maxBytes: maxBodyBytes, findCodings })
  const runs = createRuns({ logs, shared, maxDetached: resume.maxDetached, keepMs: resume.keepSeconds * 1000, now })
  const attach = createAttach({ base, deadlines, open, now })
  const recording = { base, streams, runs, attach, maxSeconds: resume.maxSeconds, address }
  const streaming: Omit<GenerationsOptions, 'dialect'> = {
    body,
    upstream,
    budget,
    maxNumPredict: config.clamps.numPredict,
    streams,
    deadlines,
    maxBytes: maxLineBytes,
    open,
    sendElsewhere:
      elsewhere &&
      (async (c, plan, body) => (asksForRun(c, plan, resume.maxSeconds) ? elsewhere.start(c, plan, body) : undefined)),
    record: (c, plan) => record(c, plan, recording),
    async resumePost(c, lastEventId, encoder, body) {
      return (await elsewhere?.resumePost(c, lastEventId, body)) ?? resumePost(c, lastEventId, encoder, recording)
    },
    toWaitUntil,
    now,
  }

  const dialects = createDialects({ management })
  // The path of a request decides which dialect formats its error.
  const dialectAt = createDialectAt(dialects)
  const generating = new Set(dialects.flatMap(({ generations }) => Object.keys(generations)))
  /** A POST with a `Last-Event-ID` never generates, but only on these paths. */
  const isResume = ({ req }: Context) => req.header('last-event-id') !== undefined && generating.has(req.path)

  // A request to these routes takes no place of an answer, so that a caller with the maximum number
  // of open answers can still cancel or resume one.
  const placeless = createRoutes()
    .route('/', metrics({ guard, telemetry, view: pool.view, streams }))
    .route('/', cancel({ streams, shared }))
    .route('/', streamRoutes(recording))
    .route('/', chatRoutes(recording))
    .route('/', responseRoutes(recording))
    .route('/', status({ guard, streams, pool: pool.view, recent: telemetry.recent, shared, now }))
    .route('/ollama', responseRoutes(recording))
    .route('/', usageRoute({ usage: telemetry.usage, isOperator }))
  if (tokens) placeless.route('/', tokenRoute({ tokens, body, surfaces: toNames(dialects) }))
  const placelessPatterns = new Set(placeless.routes.map(({ path }) => path))
  const takesAnswer = (c: Context) => !isResume(c) && !matchedRoutes(c).some(({ path }) => placelessPatterns.has(path))

  const app = createRoutes(base === '' ? {} : { getPath: getPathBelow(base) })
  app
    .use(requestId, accessLog({ listeners, now }))
    .use(trace({ sampler: telemetry.sampler, isTraced: (path) => !openPaths.has(path) && path !== '/metrics', now }))
    .use(securityHeaders({ isPage: (path) => pagePaths.has(path) }))
    .use(requestIdIn((path) => dialectAt(path).requestIdHeader))
  if (base !== '') app.use(baseGuard(noRoute))
  app
    .use(hostGuard({ bound, allowed: hosts, isKeyless: !ring && !insecure && !principal, problem }))
    .use(originGuard({ origins, isOpen: (path) => openPaths.has(path) }))
    .route('/', assets(files, base))
    .route('/', health({ upstream: pool, streams, store, maxLoads, now }))
    .on('GET', bases, (c) => c.text('Sluice is running'))
    .on('GET', ollamaBases, (c) => c.text('Ollama is running'))
    // The routes below need a key, if the configuration has keys, or a principal.
    .use(principalGuard(principal ?? ofToken ?? ofKey))
    .use(limitGuard({ limits, quota: perCaller, address, takesAnswer }))
  // Behind the limits, so that a route that a token may not have looks like a path without a route.
  if (tokens) app.use(tokenGuard({ surfaces: toSurfaces(createDialects({ management: false })) }))
  app
    .route('/', elsewhere?.routes ?? createRoutes())
    .route('/', placeless)
    .notFound((c) => {
      const methods = toMethods(app, c.req.path)
      const error = methods.length > 0 && !methods.includes(c.req.method) ? toMethodError(methods) : noRoute()
      return toErrorResponse(c, error, dialectAt(c.req.path))
    })
    .onError((error, c) => {
      // It is not an error if the caller disconnects before the whole request body has arrived.
      if (!(error instanceof ServiceError) && c.req.raw.signal.aborted) {
        c.var.entry.ended = 'left'
        return new Response(null, { status: 499 })
      }
      return toErrorResponse(c, error, dialectAt(c.req.path))
    })
  for (const dialect of dialects) {
    app.route('/', generations({ dialect, ...streaming }))
    app.route('/', questions({ dialect, body, upstream, budget, streams }))
  }
  if (management) for (const base of ['/', '/ollama']) app.route(base, blobs({ upstream, streams }))

  return {
    fetch: app.fetch,
    async drain(graceMs) {
      await streams.drain(graceMs)
      await Promise.all([shared?.close(), telemetry.close()])
    },
  }
}
