import process from 'node:process'
import type { App } from '../app.ts'
import type { Config } from '../config/parse-config.ts'
import type { Connect } from '../upstreams/connect.ts'
import { announce, exitOnListenError, onSignals, standardOutput, toUrl } from './host-process.ts'
import type { LogSink } from './log-sink.ts'

/** An app, and the address at which it listens. */
export interface Listener {
  readonly app: Pick<App, 'drain'>
  /** Connects to Ollama. */
  readonly connect: Connect
  readonly hostname: string
  readonly port: number
  /** Stops accepting new connections, and closes idle connections. */
  close(): Promise<unknown>
}

/**
 * Runs Sluice on Node, Bun or Deno. Listens, prints the address, and drains at the first signal.
 * `listen` creates the app and its server. If `listen` throws, the process ends with status 1.
 * `output` has the access log. Resolves with the URL of the server.
 */
export async function run(
  config: Config,
  listen: () => Listener | Promise<Listener>,
  output: LogSink = standardOutput,
): Promise<string> {
  try {
    const listener = await listen()
    onSignals(
      () => void drain(config, listener, output),
      () => process.exit(1),
    )
    await announce(config, listener)
    return toUrl({ ...listener, base: config.server.base })
  } catch (error) {
    exitOnListenError(error, config)
  }
}

/**
 * Rejects new streams, lets the open streams finish within `shutdownGraceMs`, and exits with status
 * 0. If the port is not shared, the listener stays open until the streams have ended, and new
 * requests get `shutting_down`. If the port is shared, the listener closes first, so that the other
 * processes get every new connection.
 */
async function drain({ server: { shutdownGraceMs, reusePort } }: Config, { app, close }: Listener, output: LogSink) {
  // The process ends even if a reader never reads its last frame.
  setTimeout(() => process.exit(0), shutdownGraceMs + 900).unref()
  const closed = reusePort ? close() : undefined
  await app.drain(shutdownGraceMs)
  await (closed ?? close())
  await output.flush(500)
  process.exit(0)
}
