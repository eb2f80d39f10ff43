import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** Returns a port of 127.0.0.1 on which nobody listens. */
export async function toFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
