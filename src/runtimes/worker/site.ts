import type { Context } from 'hono'
import { waitUntil } from 'cloudflare:workers'
import type { AppOptions } from '../../app.ts'
import { createAppTelemetry, createUpstreams } from '../../backend.ts'
import { ConfigError, parseConfig, type Config } from '../../config/parse-config.ts'
import { createKeyRing, type KeyRing } from '../../middleware/key-ring.ts'
import type { Limits } from '../../middleware/limits.ts'
import { createMemoryLimits } from '../../middleware/memory-limits.ts'
import { createLog } from '../log.ts'
import { createBoundLimits, isRateLimiter } from './bound-limits.ts'
import { createObjectLimits } from '../../store/objects/object-limits.ts'
import { toCaller } from './callers.ts'
import { createKvRing, isKvNamespace } from './kv-keys.ts'
import { toNamespaces, type Namespaces } from './namespaces.ts'
import { openOnWorker } from './open.ts'

/** What the Worker and its objects have in common. */
export interface Site {
  readonly config: Config
  /** Undefined if the Worker has no Durable Objects. */
  readonly namespaces: Namespaces | undefined
  /** The parts of an app that workerd needs. */
  readonly parts: Omit<AppOptions, 'config'> & { readonly address: (c: Context) => string; readonly limits: Limits }
}

/**
 * The site of this isolate. The Worker and the objects in one isolate share it, and with it one
 * queue before Ollama.
 */
let site: Site | undefined

/** @throws ConfigError */
export function toSite(env: Record<string, unknown>): Site {
  return (site ??= createSite(env))
}

function createSite(env: Record<string, unknown>): Site {
  // On workerd, only a heartbeat detects that a reader has disconnected (docs/hazards.md#11). So
  // heartbeats are more frequent than on other runtimes.
  const config = parseConfig(env, { deadlines: { heartbeatMs: 1000 } })
  const namespaces = toNamespaces(env)
  // This is how many callers may load the same cached value at once. On workerd, a load dies with
  // the request that started it, and nothing reports that. Until its time limit, a dead load still
  // counts as running. So the number is larger than on other runtimes (docs/hazards.md#40).
  const maxLoads = 8
  const now = () => performance.now()
  const upstreams = createUpstreams({ config, maxLoads, waitUntil })
  return {
    config,
    namespaces,
    parts: {
      open: openOnWorker,
      address: (c) => c.req.header('cf-connecting-ip') ?? '',
      // Without `waitUntil`, no code would run after the reader has disconnected
      // (docs/hazards.md#12).
      toWaitUntil: (c) => (promise) => c.executionCtx.waitUntil(promise),
      maxLoads,
      upstreams,
      telemetry: createAppTelemetry({ config, view: upstreams.pool.peek, waitUntil, now }),
      log: createLog(config.server.log, console.log),
      ...toKeys(env, config),
      ...toLimits(env, namespaces, config.perCaller),
    },
  }
}

/**
 * Returns the keys of callers: those of the KV namespace if one is bound as API_KEYS, or else those
 * of the configuration.
 * @throws ConfigError if there are both
 */
function toKeys({ API_KEYS }: Record<string, unknown>, { access: { keys } }: Config): { keys?: KeyRing } {
  if (!isKvNamespace(API_KEYS)) return keys.length > 0 ? { keys: createKeyRing(keys) } : {}
  if (keys.length > 0) throw new ConfigError(['SLUICE_API_KEYS: must be unset, because the binding API_KEYS has all keys'])
  return { keys: createKvRing({ namespace: API_KEYS, write: console.error, time: Date.now }) }
}

/**
 * Counts in Durable Objects if they are bound, and otherwise in this isolate alone. Cloudflare's
 * rate limiter counts the requests if it is bound as RATE_LIMITER, for all isolates of one
 * location.
 */
function toLimits(
  { RATE_LIMITER }: Record<string, unknown>,
  namespaces: Namespaces | undefined,
  { perMinute }: Config['perCaller'],
): { limits: Limits } {
  const memory = createMemoryLimits({ now: () => performance.now() })
  const limits = namespaces
    ? createObjectLimits({ toObject: (who) => toCaller(namespaces.callers, who), waitUntil, fallback: memory })
    : memory
  return { limits: isRateLimiter(RATE_LIMITER) ? createBoundLimits({ limiter: RATE_LIMITER, limits, perMinute }) : limits }
}
