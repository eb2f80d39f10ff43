import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

/**
 * Decides how many of the bytes that a server has sent on one connection may pass. If some of them
 * may not, the proxy lets the others pass and then breaks the connection.
 */
export type Cut = (received: Buffer) => number

export const uncut: Cut = ({ byteLength }) => byteLength

export interface CuttingProxy {
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts a proxy that breaks connections at any byte, as a network does. `toPort` returns the port
 * of the server. `toCut` is called for each new connection.
 */
export async function startCuttingProxy(toPort: () => number, toCut: () => Cut): Promise<CuttingProxy> {
  const sockets = new Set<net.Socket>()
  const proxy = net.createServer({ noDelay: true }, (client) => {
    const cut = toCut()
    const server = net.connect({ host: '127.0.0.1', port: toPort(), noDelay: true })
    let received = Buffer.alloc(0)
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroySoon()
        server.destroy()
      })
    }
    client.pipe(server)
    server.on('data', (data) => {
      const before = received.byteLength
      received = Buffer.concat([received, data])
      const passing = cut(received)
      if (passing > before) client.write(received.subarray(before, passing))
      if (passing >= received.byteLength) return
      server.destroy()
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async close() {
      const closed = once(proxy, 'close')
      proxy.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
