import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A server that is no Redis, or an odd one. */
export interface FakeServer {
  readonly port: number
  close(): Promise<void>
}

/** Starts a server on a free port of 127.0.0.1. `serve` gets each connection. */
export async function startFakeServer(serve: (socket: Socket) => void): Promise<FakeServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers each command of a connection with the same line. */
export function answering(line: string): (socket: Socket) => void {
  return (socket) =>
    void socket.on('data', (data) => {
      // Each command is an array, which begins with the number of its parts.
      const commands = data.toString('latin1').match(/^\*\d+\r$/gm) ?? []
      socket.write(`${line}\r\n`.repeat(commands.length))
    })
}
