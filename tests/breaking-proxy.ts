import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

/** A proxy that breaks the first connections, as a bad network does. */
export interface BreakingProxy {
  readonly url: string
  /** How many connections it has broken. */
  readonly broken: number
  close(): void
}

/** How many bytes of a response pass before the proxy breaks the connection. */
const bytes = 3000
const breaks = 2

/**
 * Passes connections on to a port. It breaks the first two of them, by default in the middle of a
 * frame.
 */
export async function startBreakingProxy(port: number, { isBetweenFrames = false } = {}): Promise<BreakingProxy> {
  let broken = 0
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    let passed = 0
    near.pipe(far)
    far.on('data', (data: Buffer) => {
      const isBreak = broken < breaks && passed + data.length > bytes
      near.write(isBreak ? data.subarray(0, isBetweenFrames ? data.lastIndexOf('\n\n') + 2 : bytes - passed) : data)
      passed += data.length
      if (!isBreak) return
      broken++
      far.destroy()
      near.destroySoon()
    })
    far.on('end', () => near.end())
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get broken() {
      return broken
    },
    close: () => void server.close(),
  }
}
