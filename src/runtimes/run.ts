import cluster, { type Worker } from 'node:cluster'
import { availableParallelism } from 'node:os'
import process from 'node:process'
import type { App } from '../app.ts'
import type { Config } from '../config.ts'
import { announce, exitUnheard, onSignals, standardOutput } from './host-process.ts'
import type { Cancel } from '../routes/cancel.ts'
import { createCancelLine } from './cancel-line.ts'
import { runPrimary } from './primary.ts'

/** An app that is listened for. */
export interface Listener {
  readonly app: Pick<App, 'cancel' | 'drain'>
  readonly hostname: string
  readonly port: number
  /** Takes no connection any more, and ends the idle ones. */
  close(): Promise<unknown>
}

/** Makes the app and listens; `cancelElsewhere` is the app's. @throws Error if it cannot listen */
type Listen = (cancelElsewhere: Cancel) => Listener | Promise<Listener>

/** Runs Sluice on Node or Bun: alone, or as SLUICE_WORKERS processes on one port. */
export async function run(config: Config, listen: Listen): Promise<void> {
  const count = config.SLUICE_WORKERS === 'auto' ? availableParallelism() : config.SLUICE_WORKERS
  try {
    if (count === 1) await runAlone(config, listen)
    else if (cluster.worker) await runWorker(config, listen, cluster.worker)
    else await runPrimary(config, count)
  } catch (error) {
    exitUnheard(error, config)
  }
}

async function runAlone(config: Config, listen: Listen) {
  const listener = await listen(() => false)
  onSignals(
    () => void drain(config, listener),
    () => process.exit(1),
  )
  await announce(config, listener)
}

/** A worker hears of signals from its primary: Ctrl-C reaches every process of the terminal, and must not count twice. */
async function runWorker(config: Config, listen: Listen, worker: Worker) {
  process.on('SIGTERM', () => {})
  process.on('SIGINT', () => {})
  let listener: Listener | undefined
  const cancelElsewhere = createCancelLine(worker, (who) => listener?.app.cancel(who) ?? false)
  listener = await listen(cancelElsewhere)
  worker.on('message', (message) => {
    if (message === 'drain') void drain(config, listener)
  })
  worker.on('disconnect', () => {
    worker.exitedAfterDisconnect = true // or cluster ends this process at once (hazard 63)
    void drain(config, listener)
  })
  worker.send('listening')
}

/** No new work, the streams may finish within the grace, then exit with status 0. The listener stays open meanwhile, to say so. */
async function drain({ SLUICE_SHUTDOWN_GRACE_MS: graceMs }: Config, { app, close }: Listener): Promise<never> {
  setTimeout(() => process.exit(0), graceMs + 900).unref() // a reader that does not take its terminal holds nobody up
  await app.drain(graceMs)
  await close()
  await standardOutput.flush(500)
  process.exit(0)
}
