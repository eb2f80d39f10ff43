import process from 'node:process'
import type { App } from '../app.ts'
import type { Config } from '../config/parse-config.ts'
import { announce, exitOnListenError, onSignals, standardOutput } from './host-process.ts'

/** An app, and the address at which it listens. */
export interface Listener {
  readonly app: Pick<App, 'drain'>
  readonly hostname: string
  readonly port: number
  /** Takes no new connections, and ends the idle ones. */
  close(): Promise<unknown>
}

/**
 * Runs Sluice on Node or Bun: listens, says so, and drains at the first signal. `listen` makes the
 * app. If it throws because it cannot listen, the process ends with status 1.
 */
export async function run(config: Config, listen: () => Listener | Promise<Listener>): Promise<void> {
  try {
    const listener = await listen()
    onSignals(
      () => void drain(config, listener),
      () => process.exit(1),
    )
    await announce(config, listener)
  } catch (error) {
    exitOnListenError(error, config)
  }
}

/**
 * Takes no new work, lets the streams finish within the grace, and exits with status 0. Meanwhile
 * the listener stays open and answers that the server shuts down. A listener on a shared port
 * closes first, so that the other processes get every new connection.
 */
async function drain({ server: { shutdownGraceMs, reusePort } }: Config, { app, close }: Listener) {
  // The process ends even if a reader never takes its last frame.
  setTimeout(() => process.exit(0), shutdownGraceMs + 900).unref()
  const closed = reusePort ? close() : undefined
  await app.drain(shutdownGraceMs)
  await (closed ?? close())
  await standardOutput.flush(500)
  process.exit(0)
}
