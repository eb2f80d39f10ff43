import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

/** A proxy that breaks connections. */
export interface CuttingProxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** How many connections it has broken. */
  readonly cuts: number
  close(): void
}

/**
 * Starts a proxy in front of a port of this machine. It breaks each connection when `toLimit()`
 * bytes have gone to the client. A limit of Infinity lets the connection live.
 */
export async function startCuttingProxy(port: number, toLimit: () => number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let cuts = 0
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1')
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    let left = toLimit()
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      client.write(bytes.subarray(0, left))
      left -= bytes.length
      if (left > 0 || client.destroyed) return
      cuts++
      upstream.destroy()
      client.resetAndDestroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
