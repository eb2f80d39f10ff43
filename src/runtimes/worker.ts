import { createApp, type App } from '../app.ts'
import { findTokenProblems } from '../config/needs-key.ts'
import { ConfigError, parseConfig } from '../config/parse-config.ts'
import { variables } from '../config/variables.ts'
import { ServiceError } from '../errors.ts'
import { createElsewhere } from './worker/elsewhere.ts'
import { openOnWorker } from './worker/open.ts'
import type { ExecutionContext } from './worker/platform.ts'
import { toSite } from './worker/site.ts'

export { CallerObject } from './worker/caller-object.ts'
export { RunObject } from './worker/run-object.ts'

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
    checkBindings(env)
    const { config, parts, namespaces } = toSite(env)
    // The keys of a KV namespace are not in the configuration.
    const problems = parts.keys ? [] : findTokenProblems(config)
    if (problems.length > 0) throw new ConfigError(problems)
    const elsewhere = namespaces && createElsewhere({ ...namespaces, config, address: parts.address })
    return createApp({ ...parts, config, ...(elsewhere && { elsewhere }) })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return createMisconfigured(error)
  }
}

/**
 * A connection of workerd belongs to one request, so it cannot use Redis. A Worker has no files.
 * @throws ConfigError
 */
function checkBindings(env: Record<string, unknown>) {
  const names = Object.values(variables.store).flatMap(({ name }) => (env[name] ? name : []))
  const problems = names.map((name) => `${name}: must be unset on Workers, where Durable Objects replace Redis`)
  const { keysFile } = variables.access
  if (env[keysFile.name])
    problems.push(
      `${keysFile.name}: must be unset on Workers, which have no files; bind a KV namespace as API_KEYS (docs/deploy.md §6)`,
    )
  if (problems.length > 0) throw new ConfigError(problems)
}

/**
 * Creates an app that answers all requests except `/ping` and `/healthz` with 503. The log lists
 * the mistakes in the bindings.
 */
function createMisconfigured({ message }: ConfigError): App {
  console.error(`Misconfigured:\n${message}`)
  const text = `The bindings of this Worker have mistakes: ${message.replaceAll('\n', '; ')}`
  return createApp({ config: parseConfig({}), open: openOnWorker, problem: new ServiceError('misconfigured', text) })
}
