import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from '../app.ts'
import { readConfig, standardOutput } from './host-process.ts'
import { createLog } from './log.ts'
import { viaHttp } from './node/connect.ts'
import { openOnNode } from './node/open.ts'
import { zstdOfNode } from './node/zstd.ts'
import { run } from './run.ts'
import { sha256OfNode } from './sha256.ts'

const config = readConfig()

await run(config, async () => {
  const app = createApp({
    config,
    connect: viaHttp(),
    open: openOnNode,
    bound: config.HOST,
    address: (c) => (c.env as HttpBindings).incoming.socket.remoteAddress ?? '',
    zstd: zstdOfNode,
    sha256: sha256OfNode,
    log: createLog(config.SLUICE_LOG ?? 'json', standardOutput.write),
  })
  const server = createAdaptorServer({
    fetch: app.fetch,
    hostname: config.HOST,
    serverOptions: {
      // These cut slow heads and bodies (hazards 22 and 41), and never a response. Management has
      // no limit for a body, because a blob of gigabytes is a slow one.
      headersTimeout: 10_000,
      requestTimeout: config.SLUICE_MANAGEMENT ? 0 : 30_000,
      connectionsCheckingInterval: 1000,
    },
  }) as Server
  server.listen({ host: config.HOST, port: config.PORT, reusePort: config.SLUICE_REUSE_PORT })
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo
  return {
    app,
    hostname: address,
    port,
    async close() {
      server.close()
      server.closeIdleConnections()
    },
  }
})
