import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/**
 * Reserves a free port of 127.0.0.1 until `release` is called. Meanwhile only processes with
 * SLUICE_REUSE_PORT=1 can listen on the port. Call `release` before the first request. Otherwise
 * the kernel would assign some connections to the socket that reserves the port.
 */
export async function holdSharedPort(): Promise<{ port: number; release(): Promise<void> }> {
  const holder = createServer().listen({ host: '127.0.0.1', port: 0, reusePort: true })
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  return {
    port,
    async release() {
      holder.close()
      await once(holder, 'close')
    },
  }
}
