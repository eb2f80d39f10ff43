import { PassThrough } from 'node:stream'
import { startCuttingProxy } from '../cutting-proxy.ts'
import { startServer, toRuntime, type PairName, type Server } from '../runtimes/server.ts'
import { startRedis } from './redis-server.ts'

export interface Pair extends Server {
  readonly servers: readonly [Server, Server]
}

/** What stands in front of the servers of a pair. */
interface Front {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  close(): Promise<unknown>
}

type StartFront = (servers: Pair['servers']) => Promise<Front>

/** Sends each new connection to the other server. */
function startTurns(servers: Pair['servers']): Promise<Front> {
  let turn = 0
  return startCuttingProxy(() => servers[turn++ % 2]!.port)
}

/**
 * Starts two servers that share a Redis. By default, each new connection goes to the other one, as
 * behind a proxy without affinity. So a reader that comes back finds the process that does not make
 * its answer.
 */
export async function startPair(
  name: PairName,
  env: Readonly<Record<string, string>>,
  startFront: StartFront = startTurns,
): Promise<Pair> {
  const redis = await startRedis()
  const start = () => startServer(toRuntime(name), { SLUICE_REDIS_URL: redis.url, ...env })
  const servers = await Promise.all([start(), start()])
  const front = await startFront(servers)
  const [first] = servers

  return {
    ...first,
    servers,
    url: front.url,
    port: Number(new URL(front.url).port),
    output: () => servers.map((server) => server.output()).join(''),
    errors: () => servers.map((server) => server.errors()).join(''),
    stdout: new PassThrough(),
    exited: Promise.all(servers.map(({ exited }) => exited)).then(([status]) => status ?? null),
    signal(name) {
      for (const server of servers) server.signal(name)
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
      await front.close()
      await redis.stop()
    },
  }
}
