import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

/** A counting proxy: it passes each connection on to a port of this machine. */
export interface Tap {
  readonly port: number
  /** The number of connections so far. */
  readonly connections: number
  stop(): void
}

/** Starts a tap in front of the port `to`. `onData` gets what the clients send. */
export async function startTap(to: number, onData: (data: Buffer) => void = () => {}): Promise<Tap> {
  let connections = 0
  const server = createServer((near) => {
    connections++
    const far = connect({ host: '127.0.0.1', port: to })
    near.pipe(far).pipe(near)
    near.on('data', onData)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    get connections() {
      return connections
    },
    stop: () => void server.close(),
  }
}
