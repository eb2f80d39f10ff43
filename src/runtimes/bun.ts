import process from 'node:process'
import { createApp } from '../app.ts'
import { viaFetch } from '../upstreams/connect.ts'
import { announce, drainOnSignal, exitUnheard, readConfig } from './host-process.ts'
import { createLog } from './log.ts'

declare const Bun: {
  serve(options: {
    fetch: (request: Request) => Response | Promise<Response>
    hostname: string
    port: number
    /** Seconds; 0 = never. */
    idleTimeout: number
    maxRequestBodySize: number
  }): { hostname: string; port: number; stop(): Promise<void> }
}

const config = readConfig()
const app = createApp({
  config,
  // `timeout: false`: Bun cuts at 338 s otherwise (hazard 15).
  connect: viaFetch((url, init) => fetch(url, { ...init, timeout: false } as RequestInit)),
  log: createLog(config.SLUICE_LOG ?? 'json', console.log),
})

// More streams than this would wait silently, and everything would look healthy (hazard 29).
const maxFetches = Number(process.env.BUN_CONFIG_MAX_HTTP_REQUESTS ?? 256)
if (maxFetches < config.SLUICE_MAX_STREAMS) {
  console.error(
    `Warning: Bun runs ${maxFetches} requests to Ollama at once, and SLUICE_MAX_STREAMS is ${config.SLUICE_MAX_STREAMS}; ` +
      'start Bun with BUN_CONFIG_MAX_HTTP_REQUESTS=65336, as npm run start:bun does',
  )
}

try {
  const server = Bun.serve({
    fetch: (request) => app.fetch(request),
    hostname: config.HOST,
    port: config.PORT,
    idleTimeout: 0, // Bun cuts silent connections at 10 s otherwise (hazard 21)
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app has a limit: Bun's own 413 is without our envelope
  })
  drainOnSignal(app, config, () => server.stop())
  await announce(config, server)
} catch (error) {
  exitUnheard(error, config)
}
