import { serve } from '@hono/node-server'
import type { Server } from 'node:http'
import { createApp } from '../app.ts'
import { announce, drainOnSignal, exitUnheard, readConfig } from './host-process.ts'
import { createLog } from './log.ts'
import { viaHttp } from './node/connect.ts'
import { openOnNode } from './node/open.ts'

const config = readConfig()
const app = createApp({
  config,
  connect: viaHttp(),
  open: openOnNode,
  log: createLog(config.SLUICE_LOG ?? 'json', console.log),
})

const server = serve(
  {
    fetch: app.fetch,
    hostname: config.HOST,
    port: config.PORT,
    // Against slow heads and bodies (hazards 22 and 41); responses are not limited by these.
    serverOptions: { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1000 },
  },
  ({ address, port }) => void announce(config, { hostname: address, port }),
) as Server

server.on('error', (error) => exitUnheard(error, config))
drainOnSignal(app, config, async () => {
  server.close()
  server.closeIdleConnections()
})
