import process from 'node:process'
import type { App } from '../app.ts'
import type { Config } from '../config.ts'
import { announce, exitUnheard, onSignals, standardOutput } from './host-process.ts'

/** An app that is listened for. */
export interface Listener {
  readonly app: Pick<App, 'drain'>
  readonly hostname: string
  readonly port: number
  /** Takes no connection any more, and ends the idle ones. */
  close(): Promise<unknown>
}

/**
 * Runs Sluice on Node or Bun: listens, says so, and drains at the first signal. `listen` makes the
 * app and throws if it cannot listen; that ends the process with status 1.
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
    exitUnheard(error, config)
  }
}

/**
 * No new work, the streams may finish within the grace, then exit with status 0. The listener stays
 * open meanwhile, to say so. Where others share the port it closes first: they get every new
 * connection.
 */
async function drain({ SLUICE_SHUTDOWN_GRACE_MS: graceMs, SLUICE_REUSE_PORT: isShared }: Config, { app, close }: Listener) {
  setTimeout(() => process.exit(0), graceMs + 900).unref() // even if a reader never takes its last frame
  const closed = isShared ? close() : undefined
  await app.drain(graceMs)
  await (closed ?? close())
  await standardOutput.flush(500)
  process.exit(0)
}
