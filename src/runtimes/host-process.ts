import process from 'node:process'
import { needsKey } from '../config/needs-key.ts'
import { toHosts, type Host } from '../config/hosts.ts'
import { ConfigError, parseConfig, type Config } from '../config/parse-config.ts'
import type { Connect } from '../upstreams/connect.ts'
import { checkServer, isLoopback } from './check-server.ts'
import { withKeys } from './key-file.ts'
import { createLogSink, type LogSink, type Output } from './log-sink.ts'

/**
 * The code that Node, Bun and Deno share. They run Sluice as a process with an environment, a
 * terminal and an exit status.
 */

/**
 * Reads the configuration from the environment, and the keys from their file. `check` and
 * `readEnvironment` throw ConfigError for a mistake that matters only on one runtime.
 * @throws ConfigError
 */
export async function parseEnvironment(
  check: (config: Config) => void = () => {},
  readEnvironment: () => Readonly<Record<string, string | undefined>> = () => process.env,
): Promise<Config> {
  const config = parseConfig(readEnvironment(), { server: { log: process.stdout.isTTY ? 'pretty' : 'json' } })
  await checkServer(config)
  check(config)
  return withKeys(config)
}

/**
 * Reads the configuration as `parseEnvironment` does. If it has mistakes, prints a line for each
 * mistake and ends the process with status 1.
 */
export async function readConfig(...parts: Parameters<typeof parseEnvironment>): Promise<Config> {
  try {
    return await parseEnvironment(...parts)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(`Cannot start: the environment has mistakes\n${error.message}`)
    process.exit(1)
  }
}

/** Prints why listening failed and what to do about it, and ends the process with status 1. */
export function exitOnListenError(error: unknown, config: Config): never {
  console.error(toListenProblem(error, config))
  process.exit(1)
}

/** Why listening failed, and what to do about it. */
export function toListenProblem(error: unknown, { server: { host, port, reusePort } }: Config): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE' && reusePort)
    return (
      `Cannot listen: port ${port} of ${host} is in use by a process that does not share it; ` +
      'all of them must have SLUICE_REUSE_PORT=1 and run as the same user'
    )
  if (code === 'EADDRINUSE')
    return `Cannot listen: port ${port} of ${host} is in use; set another one with PORT, or 0 for any free port`
  if (code === 'EACCES')
    return `Cannot listen: port ${port} needs rights that this user does not have; set another one with PORT`
  return `Cannot listen on ${host}, port ${port}: ${message}`
}

/** The URL at which this machine reaches a server. */
export function toUrl({ hostname, port, base }: { hostname: string; port: number; base: string }): string {
  const name = hostname === '0.0.0.0' || hostname === '::' ? '127.0.0.1' : hostname
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}${base}`
}

/**
 * Prints the address of the server, and whether the server uses Ollama or the demo. In demo mode,
 * also prints a command to try. Otherwise, also prints a hint for each Ollama that does not answer
 * yet. It asks over `connect`, because the first `fetch` of a process takes as long as ten
 * requests, and the first reader would wait for it.
 */
export async function announce(
  config: Config,
  { connect, hostname, port }: { connect: Connect; hostname: string; port: number },
) {
  const { server, upstream, access } = config
  const url = toUrl({ hostname, port, base: server.base })
  const hosts = toHosts(config)
  const isSeveral = upstream.hosts.length > 0
  const places = hosts.map(({ name, url }) => (isSeveral ? `${name} (${url})` : url)).join(', ')
  const source = upstream.demo ? 'the built-in demo: every answer is made up, by no model' : `Ollama at ${places}`
  console.log(`Sluice listens on ${url} in front of ${source}`)
  if (access.insecure && !needsKey(config) && !isLoopback(server.host))
    console.log(`Warning: there are no keys (SLUICE_INSECURE=1): whoever reaches ${server.host} may use Ollama`)
  if (upstream.demo) return console.log(`Try: curl -N ${url}/chat -d '{"text":"What is Sluice?"}'`)
  const answering = await Promise.all(hosts.map((host) => isAnswering(host, connect)))
  const silent = hosts.filter((_, i) => !answering[i]).map(({ name }) => name)
  if (silent.length > 0)
    console.log(
      isSeveral
        ? `Ollama does not answer yet on ${silent.join(', ')}; /readyz says when one does`
        : 'Ollama does not answer there yet: start it (ollama serve), or set OLLAMA_HOST; /readyz says when it does',
    )
}

async function isAnswering({ url }: Host, connect: Connect): Promise<boolean> {
  try {
    const request = { method: 'GET', url: `${url}/api/version`, headers: {} } as const
    const { flow } = await connect(request, AbortSignal.timeout(2000))
    await flow(() => {})
    return true
  } catch {
    return false
  }
}

/** Creates the sink that writes the access log to standard output. */
export function createOutput(output: Output): LogSink {
  return createLogSink({
    output,
    onDropped: (count) => console.error(`${count} lines of the access log were dropped, because nobody reads standard output`),
  })
}

/** The standard output of Node and Bun. */
export const standardOutput = createOutput(process.stdout)

/** The first SIGTERM or SIGINT calls `onFirst`, and each further signal calls `onRepeat`. */
export function onSignals(onFirst: () => void, onRepeat: () => void) {
  let isFirst = true
  const onSignal = () => {
    if (!isFirst) return onRepeat()
    isFirst = false
    onFirst()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
