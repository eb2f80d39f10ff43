import { toHosts } from './config/hosts.ts'
import type { Config } from './config/parse-config.ts'
import type { Emulator } from '#fake-ollama'
import { version } from './generated/version.ts'
import { createPool, type Pool, type PoolOptions } from './pool/pool.ts'
import { createTelemetry, type Telemetry, type TelemetryOptions } from './telemetry/telemetry.ts'
import { viaFetch, type Connect } from './upstreams/connect.ts'
import { createOllama } from './upstreams/ollama.ts'
import { createPolicy } from './upstreams/policy.ts'
import { createThink } from './upstreams/think.ts'
import type { Upstream } from './upstreams/upstream.ts'
import { createWaiting } from './upstreams/waiting.ts'

export interface UpstreamsOptions extends Pick<PoolOptions, 'waitUntil'> {
  config: Config
  /** By default, the global `fetch`. */
  connect?: Connect | undefined
  /** How many requests may load the same cached value at the same time. */
  maxLoads?: number
  now?: () => number
}

const viaGlobalFetch = viaFetch((url, init) => fetch(url, init))

/** All Ollamas together, without and with the rules for models. */
export interface Upstreams {
  readonly pool: Pool
  readonly upstream: Upstream
}

/**
 * Puts together what is asked of Ollama: the rules for models, then the choice of a host, and then
 * the chain of each host. One Ollama is a pool of one.
 */
export function createUpstreams({
  config,
  connect = viaGlobalFetch,
  maxLoads = 2,
  now = () => performance.now(),
  waitUntil,
}: UpstreamsOptions): Upstreams {
  const { queue, models, clamps, deadlines, limits, upstream } = config
  const loading = { maxLoads, now }
  const embedTimeoutMs = deadlines.firstTokenMs
  const connectTo = upstream.demo ? viaFetch(toDemo()) : connect
  const hosts = toHosts(config).map(({ url, apiKey, ...host }) => {
    const ollama = createOllama({ host: url, apiKey, maxLineBytes: limits.maxLineBytes, embedTimeoutMs, connect: connectTo })
    return { ...host, upstream: createWaiting({ upstream: createThink({ upstream: ollama, ...loading }), ...loading }) }
  })
  const pool = createPool({ hosts, waiting: queue.waiting, embedTimeoutMs, now, waitUntil })
  return { pool, upstream: createPolicy({ upstream: pool, ...models, clamps, ...loading }) }
}

/** Creates the telemetry of an app, or of several that share it. */
export function createAppTelemetry({
  config,
  ...options
}: Pick<TelemetryOptions, 'view' | 'waitUntil' | 'now'> & Pick<UpstreamsOptions, 'config'>): Telemetry {
  const { telemetry, models, upstream } = config
  const servers = new Map(
    toHosts(config).map(({ name, url }) => {
      const { hostname, port, protocol } = new URL(url)
      return [name, { address: hostname, port: Number(port) || (protocol === 'https:' ? 443 : 80) }]
    }),
  )
  const [only] = servers.values()
  return createTelemetry({
    ...options,
    otlp: telemetry,
    aliases: models.aliases,
    version,
    post: (url, init) => fetch(url, init),
    toServer: (host) => (upstream.demo ? undefined : host === undefined ? only : servers.get(host)),
  })
}

/**
 * Returns a `fetch` function that sends requests to an emulator instead of Ollama. The emulator is
 * imported at the first request, because it is a third of the source code and most servers run
 * without it.
 */
function toDemo(): Emulator['fetch'] {
  let emulator: Emulator | undefined
  return async (url, init) => {
    const { createEmulator } = await import('#fake-ollama')
    emulator ??= createEmulator()
    return emulator.fetch(url, init)
  }
}
