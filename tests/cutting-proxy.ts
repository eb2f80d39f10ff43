import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

/**
 * Decides how many of the bytes that a server has sent on one connection may pass. If some of them
 * may not, the proxy lets the others pass and then breaks the connection.
 */
export type Cut = (received: Buffer) => number

export const uncut: Cut = ({ byteLength }) => byteLength

/** Breaks a connection when more than this many bytes have come. */
export function cutAfter(byteCount: number): Cut {
  return ({ byteLength }) => Math.min(byteLength, byteCount)
}

export interface CuttingProxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** How many connections it has broken. */
  readonly cuts: number
  /** Breaks all connections. */
  cut(): void
  close(): Promise<void>
}

/**
 * Starts a proxy that breaks connections at any byte, as a network does. `toPort` returns the port
 * of the server. `toCut` is called for each new connection. By default the proxy breaks connections
 * only when `cut` is called.
 */
export async function startCuttingProxy(toPort: () => number, toCut: () => Cut = () => uncut): Promise<CuttingProxy> {
  const connections = new Map<Socket, Socket>()
  let cuts = 0
  /** Lets the client have what it was sent. */
  function cut(server: Socket) {
    cuts++
    server.destroy()
  }
  const proxy = net.createServer({ noDelay: true }, (client) => {
    const cutOf = toCut()
    const server = net.connect({ host: '127.0.0.1', port: toPort(), noDelay: true })
    let received = Buffer.alloc(0)
    connections.set(client, server)
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        connections.delete(client)
        client.destroySoon()
        server.destroy()
      })
    }
    client.pipe(server)
    server.on('data', (data) => {
      const before = received.byteLength
      received = Buffer.concat([received, data])
      const passing = cutOf(received)
      if (passing > before) client.write(received.subarray(before, passing))
      if (passing < received.byteLength) cut(server)
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    get cuts() {
      return cuts
    },
    cut() {
      for (const server of connections.values()) cut(server)
    },
    async close() {
      const closed = once(proxy, 'close')
      proxy.close()
      for (const sockets of connections) for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
