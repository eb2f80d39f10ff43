import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from '../app.ts'
import { createMemoryLogs } from '../streams/memory-log.ts'
import { readConfig, standardOutput } from './host-process.ts'
import { createLog } from './log.ts'
import { connectOnNode } from './node/connect.ts'
import { openOnNode, withHeads } from './node/open.ts'
import { zstdOfNode } from './node/zstd.ts'
import { run } from './run.ts'
import { sha256OfNode } from './sha256.ts'
import { openStore } from './store.ts'

const config = await readConfig()
const { host, port, reusePort, log } = config.server

await run(config, async () => {
  const connect = connectOnNode()
  const app = createApp({
    config,
    connect,
    open: openOnNode,
    bound: host,
    address: (c) => (c.env as HttpBindings).incoming.socket.remoteAddress ?? '',
    zstd: zstdOfNode,
    sha256: sha256OfNode,
    logs: createMemoryLogs(config.resume),
    ...(await openStore(config)),
    log: createLog(log, standardOutput.write),
  })
  const server = createAdaptorServer({
    fetch: withHeads(app.fetch),
    hostname: host,
    serverOptions: {
      // These limits apply to heads and bodies that arrive slowly (docs/hazards.md#22 and
      // docs/hazards.md#41), and never to a response. If management is on, a body has no time
      // limit, because a blob of gigabytes takes long to upload.
      headersTimeout: 10_000,
      requestTimeout: config.access.management ? 0 : 30_000,
      connectionsCheckingInterval: 1000,
    },
  }) as Server
  server.listen({ host, port, reusePort })
  await once(server, 'listening')
  const listening = server.address() as AddressInfo
  return {
    app,
    connect,
    hostname: listening.address,
    port: listening.port,
    async close() {
      server.close()
      server.closeIdleConnections()
    },
  }
})
