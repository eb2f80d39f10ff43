import { startCuttingProxy, type CuttingProxy } from './cutting-proxy.ts'

/** How many bytes of a response pass before the proxy breaks the connection. */
const bytes = 3000
const breaks = 2

/**
 * Starts a proxy in front of a port, which breaks two connections, as a bad network does. By
 * default it breaks them in the middle of a frame.
 */
export async function startBreakingProxy(port: number, { isBetweenFrames = false } = {}): Promise<CuttingProxy> {
  const proxy: CuttingProxy = await startCuttingProxy(
    () => port,
    () => (received) => {
      if (proxy.cuts >= breaks || received.byteLength <= bytes) return received.byteLength
      return isBetweenFrames ? received.lastIndexOf('\n\n') + 2 : bytes
    },
  )
  return proxy
}
