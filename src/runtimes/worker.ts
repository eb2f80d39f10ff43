import { createApp, type App } from '../app.ts'
import { ConfigError, parseConfig } from '../config/parse-config.ts'
import { variables } from '../config/variables.ts'
import { ServiceError } from '../errors.ts'
import { createMemoryLimits } from '../middleware/memory-limits.ts'
import { createLog } from './log.ts'
import { createBoundLimits, isRateLimiter } from './worker/bound-limits.ts'
import { openOnWorker } from './worker/open.ts'

interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void
}

/**
 * The app of this isolate. It is created at the first request, because the bindings come with a
 * request (docs/hazards.md#25).
 */
let app: App | undefined

export default {
  fetch(request: Request, env: Record<string, unknown>, context: ExecutionContext): Response | Promise<Response> {
    app ??= create(env)
    return app.fetch(request, env, context as Parameters<App['fetch']>[2])
  },
}

function create(env: Record<string, unknown>): App {
  try {
    // On workerd, only a heartbeat detects that a reader has disconnected (docs/hazards.md#11). So
    // heartbeats are more frequent than on other runtimes.
    const config = parseConfig(env, { deadlines: { heartbeatMs: 1000 } })
    checkStore(env)
    return createApp({
      config,
      open: openOnWorker,
      address: (c) => c.req.header('cf-connecting-ip') ?? '',
      ...toLimits(env),
      // Without `waitUntil`, no code would run after the reader has disconnected
      // (docs/hazards.md#12).
      toWaitUntil: (c) => (promise) => c.executionCtx.waitUntil(promise),
      // This is how many callers may load the same cached value at once. On workerd, a load dies
      // with the request that started it, and nothing reports that. Until its time limit, a dead
      // load still counts as running. So the number is larger than on other runtimes
      // (docs/hazards.md#40).
      maxLoads: 8,
      log: createLog(config.server.log, console.log),
    })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return createMisconfigured(error)
  }
}

/** A connection of workerd belongs to one request, so it cannot use Redis. @throws ConfigError */
function checkStore(env: Record<string, unknown>) {
  const names = Object.values(variables.store).flatMap(({ name }) => (env[name] ? name : []))
  if (names.length > 0)
    throw new ConfigError(names.map((name) => `${name}: must be unset on Workers, where Durable Objects replace Redis`))
}

/**
 * Uses Cloudflare's rate limiter if it is bound as RATE_LIMITER. The rate limiter counts the
 * requests of all isolates of one location. Without the rate limiter, each isolate counts only its
 * own requests.
 */
function toLimits({ RATE_LIMITER }: Record<string, unknown>) {
  if (!isRateLimiter(RATE_LIMITER)) return {}
  const memory = createMemoryLimits({ now: () => performance.now() })
  return { limits: createBoundLimits({ limiter: RATE_LIMITER, memory }) }
}

/**
 * Creates an app that answers all requests except `/ping` and `/healthz` with 503. The log lists
 * the mistakes in the bindings.
 */
function createMisconfigured({ message }: ConfigError): App {
  console.error(`Misconfigured:\n${message}`)
  const text = `The bindings of this Worker have mistakes: ${message.replaceAll('\n', '; ')}`
  return createApp({ config: parseConfig({}), problem: new ServiceError('misconfigured', text) })
}
