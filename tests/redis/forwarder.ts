import { connect, type Socket } from 'node:net'
import type { RedisServer } from './redis-server.ts'
import { startFakeServer } from './fake-server.ts'

/** A name of a Redis. It can point to another server later, as a failover does with it. */
export interface Forwarder {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string
  /** Breaks all connections. Later ones go to `server`. */
  pointTo(server: Pick<RedisServer, 'port'>): void
  /** Leaves out each message to a channel, as if its connection were lost at that moment. */
  isDeaf: boolean
  close(): Promise<void>
}

/** The commands whose messages a deaf forwarder leaves out, as they begin on the line. */
const publish = '$7\r\nPUBLISH\r\n'
/** A command of the same length that publishes nothing. Its reply is a number, too. */
const nothing = '$7\r\nPFCOUNT\r\n'

export async function startForwarder(server: Pick<RedisServer, 'port'>): Promise<Forwarder> {
  let { port } = server
  const sockets = new Set<Socket>()
  const fake = await startFakeServer((socket) => {
    const redis = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.setNoDelay(true)
    sockets.add(socket)
    redis.on('error', () => {}).on('close', () => socket.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      redis.destroy()
    })
    socket.on('data', (data) => {
      const isKept = !forwarder.isDeaf || !data.includes(publish)
      redis.write(isKept ? data : data.toString('latin1').replaceAll(publish, nothing), 'latin1')
    })
    redis.on('data', (data) => socket.write(data))
  })
  const forwarder: Forwarder = {
    url: `redis://127.0.0.1:${fake.port}`,
    isDeaf: false,
    pointTo(next) {
      ;({ port } = next)
      for (const socket of sockets) socket.destroy()
    },
    close: fake.close,
  }
  return forwarder
}
