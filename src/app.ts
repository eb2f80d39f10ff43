import { Hono, type Context } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import type { Config } from './config.ts'
import type { Emulator } from './demo/emulator.ts'
import { aiSdk } from './dialects/ai-sdk/ai-sdk.ts'
import { anthropic } from './dialects/anthropic/anthropic.ts'
import { createNative } from './dialects/native/native.ts'
import { createOllamaDialect } from './dialects/ollama/ollama.ts'
import { openai } from './dialects/openai/openai.ts'
import { plain } from './dialects/plain/plain.ts'
import { responses } from './dialects/responses/responses.ts'
import { ServiceError } from './errors.ts'
import { accessLog, type LogLine } from './middleware/access-log.ts'
import type { Env } from './middleware/env.ts'
import { hostGuard } from './middleware/host-guard.ts'
import { jsonBody } from './middleware/json-body.ts'
import { requestId } from './middleware/request-id.ts'
import { openWithStreamSSE, type Open } from './relay/sink.ts'
import { createStreams } from './relay/streams.ts'
import { blobs } from './routes/blobs.ts'
import { cancel, type Cancel } from './routes/cancel.ts'
import { toErrorResponse } from './routes/error-response.ts'
import { generations } from './routes/generations.ts'
import { health } from './routes/health.ts'
import { questions } from './routes/questions.ts'
import { viaFetch, type Connect } from './upstreams/connect.ts'
import { createOllama } from './upstreams/ollama.ts'

/** What a runtime may replace; each has a portable default. */
export interface AppOptions {
  config: Config
  /** How bytes arrive from the upstream. */
  connect?: Connect
  /** How a streaming response is opened. */
  open?: Open
  /** Keeps a promise alive after the response: `waitUntil` on workerd, nothing elsewhere. */
  hold?: (c: Context, promise: Promise<unknown>) => void
  /** Stops what runs under a request id in the other processes on this port. */
  cancelElsewhere?: Cancel
  /** Gets the access log's lines. */
  log?: (line: LogLine) => void
  /** Milliseconds of a monotonic clock. */
  now?: () => number
}

export interface App {
  fetch: Hono<Env>['fetch']
  /** Stops what runs here under a request id; false if nothing does. */
  cancel(requestId: string): boolean
  /** Takes no new work, waits for the open streams, and ends what is left after the grace. */
  drain(graceMs: number): Promise<void>
}

/** Sluice: every route on one screen. */
export function createApp({
  config,
  connect = viaFetch((url, init) => fetch(url, init)),
  open = openWithStreamSSE,
  hold = () => {},
  cancelElsewhere = () => false,
  log = () => {},
  now = () => performance.now(),
}: AppOptions): App {
  const streams = createStreams({ max: config.SLUICE_MAX_STREAMS })
  const upstream = createOllama({
    host: config.OLLAMA_HOST,
    apiKey: config.OLLAMA_API_KEY,
    model: config.SLUICE_MODEL,
    maxLineBytes: config.SLUICE_MAX_LINE_BYTES,
    embedTimeoutMs: config.SLUICE_FIRST_TOKEN_TIMEOUT_MS,
    connect: config.SLUICE_DEMO ? viaFetch(toDemo()) : connect,
    now,
  })
  const deadlines = {
    graceMs: config.SLUICE_GRACE_MS,
    heartbeatMs: config.SLUICE_HEARTBEAT_MS,
    firstTokenMs: config.SLUICE_FIRST_TOKEN_TIMEOUT_MS,
    idleMs: config.SLUICE_IDLE_TIMEOUT_MS,
    totalMs: config.SLUICE_TOTAL_TIMEOUT_MS,
    stallMs: config.SLUICE_STALL_TIMEOUT_MS,
  }
  const body = jsonBody({ maxBytes: config.SLUICE_MAX_BODY_BYTES })
  const streaming = { body, upstream, streams, deadlines, maxBytes: config.SLUICE_MAX_LINE_BYTES, open, hold, now }
  const management = config.SLUICE_MANAGEMENT
  // Whose envelope an error has: the first that owns the path. Native, the last, owns them all.
  const dialects = [
    plain,
    aiSdk,
    anthropic,
    createOllamaDialect({ management }),
    responses,
    openai,
    createNative({ management }),
  ]
  const dialectAt = (c: Context) => dialects.find(({ owns }) => owns(c.req.path))!

  const app = new Hono<Env>()
  app
    .use(requestId, accessLog({ log, now }), hostGuard)
    .use(
      methodNotAllowed({ app, onMethodNotAllowed: (c, methods) => toErrorResponse(c, toMethodError(methods), dialectAt(c)) }),
    )
    .route('/', health({ upstream, streams, now }))
    .get('/ollama/', (c) => c.text('Ollama is running'))
    .route('/', cancel({ here: streams.cancel, elsewhere: cancelElsewhere }))
    .notFound((c) => toErrorResponse(c, new ServiceError('not_found', 'There is nothing at this path'), dialectAt(c)))
    .onError((error, c) => {
      // A body that its reader stopped sending is no error of anybody's.
      if (!(error instanceof ServiceError) && c.req.raw.signal.aborted) {
        c.var.entry.ended = 'left'
        return new Response(null, { status: 499 })
      }
      return toErrorResponse(c, error, dialectAt(c))
    })
  for (const dialect of dialects) {
    app.route('/', generations({ dialect, ...streaming }))
    app.route('/', questions({ dialect, body, upstream, streams }))
  }
  if (management) for (const base of ['/', '/ollama']) app.route(base, blobs({ upstream, streams }))

  return { fetch: app.fetch, cancel: streams.cancel, drain: streams.drain }
}

/** The emulator, loaded when it is first asked: it is a third of the source, and most servers run without it. */
function toDemo(): Emulator['fetch'] {
  let emulator: Emulator | undefined
  return async (url, init) => {
    const { createEmulator } = await import('./demo/emulator.ts')
    emulator ??= createEmulator()
    return emulator.fetch(url, init)
  }
}

function toMethodError(methods: string[]): ServiceError {
  const allow = methods.join(', ')
  return new ServiceError('method_not_allowed', `This path takes ${allow}`, { allow })
}
