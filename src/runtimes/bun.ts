import cluster from 'node:cluster'
import { createApp } from '../app.ts'
import { viaFetch } from '../upstreams/connect.ts'
import { checkConfig } from './bun/check-config.ts'
import { openOnBun } from './bun/open.ts'
import { readConfig } from './host-process.ts'
import { createLog } from './log.ts'
import { run } from './run.ts'

declare const Bun: {
  serve(options: {
    fetch: (request: Request) => Response | Promise<Response>
    hostname: string
    port: number
    reusePort: boolean
    /** Seconds; 0 = never. */
    idleTimeout: number
    maxRequestBodySize: number
  }): { hostname: string; port: number; stop(): Promise<void> }
}

const config = readConfig(checkConfig)

await run(config, (cancelElsewhere) => {
  const app = createApp({
    config,
    // `timeout: false`: Bun cuts at 338 s otherwise (hazard 15).
    connect: viaFetch((url, init) => fetch(url, { ...init, timeout: false } as RequestInit)),
    open: openOnBun,
    cancelElsewhere,
    log: createLog(config.SLUICE_LOG ?? 'json', console.log),
  })
  const server = Bun.serve({
    fetch: (request) => app.fetch(request),
    hostname: config.HOST,
    port: config.PORT,
    reusePort: cluster.isWorker,
    idleTimeout: 0, // Bun cuts silent connections at 10 s otherwise (hazard 21)
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app has a limit: Bun's own 413 is without our envelope
  })
  return { app, hostname: server.hostname, port: server.port, close: () => server.stop() }
})
