import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

/** A proxy that breaks connections. */
export interface CuttingProxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** How many connections it has broken. */
  readonly cuts: number
  /** Breaks all connections. */
  cut(): void
  close(): void
}

/**
 * Starts a proxy in front of a port of this machine. It breaks each connection when `toLimit()`
 * bytes have gone to the client. By default it breaks connections only when `cut` is called.
 */
export async function startCuttingProxy(port: number, toLimit = () => Infinity): Promise<CuttingProxy> {
  const clients = new Set<Socket>()
  let cuts = 0
  function cut(client: Socket) {
    cuts++
    client.resetAndDestroy()
  }
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1')
    let left = toLimit()
    clients.add(client)
    client
      .on('error', () => {})
      .on('close', () => {
        clients.delete(client)
        upstream.destroy()
      })
    upstream.on('error', () => {}).on('close', () => client.destroy())
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      client.write(bytes.subarray(0, left))
      left -= bytes.length
      if (left <= 0 && !client.destroyed) cut(client)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts
    },
    cut: () => clients.forEach(cut),
    close() {
      for (const client of clients) client.destroy()
      server.close()
    },
  }
}
