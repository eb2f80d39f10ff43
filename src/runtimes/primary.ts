import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import process from 'node:process'
import type { Config } from '../config.ts'
import type { StreamOf } from '../relay/streams.ts'
import { createCancelLine } from './cancel-line.ts'
import { announce, onSignals } from './host-process.ts'

/**
 * Keeps `count` workers on one port, and resolves once all listen. The primary carries no stream: it hears the signals, and replaces a
 * worker that crashes; one that ends before it listens would do so again and ends them all. It exits when its last worker has.
 * @throws Error if nobody can listen there
 */
export async function runPrimary(config: Config, count: number): Promise<void> {
  const { hostname, port } = await tryAddress(config)
  // Node: workers take their connections themselves. What a primary hands to one that dies is never answered (hazard 66).
  cluster.schedulingPolicy = cluster.SCHED_NONE
  /** Every worker, and whether it listens. */
  const workers = new Map<Worker, boolean>()
  /** How to ask each worker whether it runs something, and to stop it. */
  const lines = new Map<Worker, (who: StreamOf) => Promise<boolean>>()
  let status: number | undefined

  const stop = (own: number) => {
    status ??= own
    for (const [worker, listens] of workers) {
      if (listens) worker.send('drain')
      else kill(worker) // it has no streams yet
    }
  }

  const fork = () =>
    new Promise<void>((resolve) => {
      const worker = cluster.fork({ PORT: `${port}`, SLUICE_WORKERS: `${count}` })
      workers.set(worker, false)
      const cancelByOthers = async (who: StreamOf) => {
        const others = [...lines].filter(([other]) => other !== worker)
        return (await Promise.all(others.map(([, cancel]) => cancel(who)))).includes(true)
      }
      lines.set(worker, createCancelLine(worker, cancelByOthers))
      worker.on('error', (error) => {
        if (worker.process.pid === undefined) onEnd(worker, `Cannot start a worker: ${error.message}`)
        // else a message to one that is gone: its exit tells
      })
      worker.on('message', (message) => {
        if (message !== 'listening' || !workers.has(worker)) return
        workers.set(worker, true)
        resolve()
      })
      worker.on('exit', (code, signal) => onEnd(worker, `Worker ${worker.process.pid} ended with ${signal ?? code}`))
    })

  const onEnd = (worker: Worker, what: string) => {
    const listened = workers.get(worker)
    workers.delete(worker)
    lines.delete(worker)
    if (status === undefined) {
      console.error(listened ? `${what}; another one takes its place` : `${what}; it never listened`)
      if (listened) void fork()
      else stop(1)
    }
    if (status !== undefined && workers.size === 0) process.exit(status)
  }

  onSignals(
    () => stop(0),
    () => {
      for (const worker of workers.keys()) kill(worker)
      process.exit(1)
    },
  )
  await Promise.all(Array.from({ length: count }, fork))
  await announce(config, { hostname, port })
}

/** Without a process there is nothing to kill, and Node would kill our own process group (hazard 65). */
function kill({ process }: Worker) {
  if (process.pid !== undefined) process.kill('SIGKILL')
}

/**
 * Listens for a moment, alone. So a free port is the same one for all, what is wrong with a port is said once, and on Bun a port that
 * somebody else shares counts as in use: workers would join him and share his connections without a word (hazard 62).
 */
async function tryAddress({ HOST, PORT }: Config): Promise<{ hostname: string; port: number }> {
  const server = createServer((socket) => socket.destroy())
  server.listen({ host: HOST, port: PORT, exclusive: true })
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return { hostname: address, port }
}
