import { createApp, type App, type AppOptions } from './app.ts'
import { findTokenProblems } from './config/needs-key.ts'
import { ConfigError, parseConfig } from './config/parse-config.ts'
import { variables } from './config/variables.ts'
import { ServiceError } from './errors.ts'
import type { ToPrincipal } from './middleware/principal-guard.ts'
import { openWithStreamSSE } from './relay/sink.ts'
import { createMemoryLogs } from './streams/memory-log.ts'

/** What the app around Sluice says about it. */
export interface SluiceOptions extends Pick<AppOptions, 'principal' | 'log'> {
  /**
   * The variables of docs/protocol.md#8-configuration, for example `process.env`. A Sluice that
   * does not listen itself ignores `HOST` and `PORT`, because they are those of the app around it.
   */
  env: Readonly<Record<string, unknown>>
  /** The path below which Sluice gets its requests, such as `/ai`. It replaces `SLUICE_BASE`. */
  base?: string
}

/** A Sluice inside another app. Signals and the log are the affair of that app. */
export interface Sluice extends Pick<App, 'drain'> {
  /**
   * Answers a request with its whole URL, the base included. `platform` is what the runtime passes
   * beside a request, such as `c.env` of Hono. Without it, Sluice uses its portable parts.
   */
  fetch(request: Request, platform?: unknown): Response | Promise<Response>
}

/**
 * Creates Sluice for any runtime that has `fetch`. `sluice/node` and `sluice/bun` export the same
 * function with the parts of that runtime, which can do more (docs/embed.md).
 * @throws ConfigError if `env` or `base` has mistakes
 */
export function createSluice(options: SluiceOptions): Sluice {
  const app = createApp({ ...toAppOptions(toEmbedded(options)), open: openWithStreamSSE })
  return { drain: app.drain, fetch: (request) => app.fetch(request) }
}

/** The options of a Sluice that does not listen itself. */
export function toEmbedded({ env, ...options }: SluiceOptions): SluiceOptions {
  const { host, port } = variables.server
  return { ...options, env: { ...env, [host.name]: '', [port.name]: '' } }
}

/** The options of an app that are the same on every runtime. @throws ConfigError */
export function toAppOptions({ env, base, principal, ...options }: SluiceOptions): Omit<AppOptions, 'open'> {
  const config = parseConfig(base === undefined ? env : { ...env, [variables.server.base.name]: base })
  const problems = findTokenProblems(config)
  if (config.store.redis) problems.push('SLUICE_REDIS_URL: must be unset here, because only the program of Sluice uses Redis')
  if (config.access.keysFile !== undefined)
    problems.push(
      'SLUICE_API_KEYS_FILE: must be unset here, because only the program of Sluice reads a file; set SLUICE_API_KEYS',
    )
  if (principal && config.access.keys.length > 0)
    problems.push('SLUICE_API_KEYS: must be unset here, because the function `principal` decides who may ask')
  if (problems.length > 0) throw new ConfigError(problems)
  const logs = createMemoryLogs(config.resume)
  return { ...options, ...(principal && { principal: toChecked(principal) }), config, logs }
}

/**
 * A caller without a name would share its runs with all callers without a name, and the name is in
 * the log.
 */
function toChecked(toPrincipal: ToPrincipal): ToPrincipal {
  return async (request) => {
    const principal = await toPrincipal(request)
    if (!principal || isName(principal.name)) return principal
    throw new ServiceError('misconfigured', 'The function `principal` of this server must return a name of 1 to 256 characters')
  }
}

const isName = (name: unknown) => typeof name === 'string' && name !== '' && name.length <= 256
