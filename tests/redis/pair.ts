import { PassThrough } from 'node:stream'
import { startCuttingProxy } from '../cutting-proxy.ts'
import { startServer, toRuntime, type PairName, type Server } from '../runtimes/server.ts'
import { startRedis } from './redis-server.ts'

export interface Pair extends Server {
  readonly servers: readonly [Server, Server]
}

/**
 * Starts two servers that share a Redis. Each new connection goes to the other one, as behind a
 * proxy without affinity. So a reader that comes back finds the process that does not make its
 * answer.
 */
export async function startPair(name: PairName, env: Readonly<Record<string, string>>): Promise<Pair> {
  const redis = await startRedis()
  const start = () => startServer(toRuntime(name), { SLUICE_REDIS_URL: redis.url, ...env })
  const servers = await Promise.all([start(), start()])
  let turn = 0
  const proxy = await startCuttingProxy(() => servers[turn++ % 2]!.port)
  const [first] = servers

  return {
    ...first,
    servers,
    url: proxy.url,
    port: Number(new URL(proxy.url).port),
    output: () => servers.map((server) => server.output()).join(''),
    errors: () => servers.map((server) => server.errors()).join(''),
    stdout: new PassThrough(),
    exited: Promise.all(servers.map(({ exited }) => exited)).then(([status]) => status ?? null),
    signal(name) {
      for (const server of servers) server.signal(name)
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
      await proxy.close()
      await redis.stop()
    },
  }
}
