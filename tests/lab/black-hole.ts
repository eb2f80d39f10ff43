import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A process that listens and then never runs again, so that it accepts nothing. */
const listener = `
const server = require('node:net').createServer()
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.stdout.write(server.address().port + '\\n', () => setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 10))
})`

/** A port of this machine at which connections neither open nor fail, like a machine that sleeps. */
export interface BlackHole {
  readonly url: string
  close(): void
}

/**
 * Starts a black hole. Its backlog is full, so Linux drops each further SYN. It stays so as long as the
 * sockets that fill it are open.
 */
export async function startBlackHole(): Promise<BlackHole> {
  const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [data] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(data.toString())
  const fillers: Socket[] = []
  // The process may accept a last connection before it stands still, so one that waits proves nothing.
  for (let hung = 0; hung < 3;) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    fillers.push(socket)
    const opened = new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      setTimeout(resolve, 300, false)
    })
    hung = (await opened) ? 0 : hung + 1
  }
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      for (const socket of fillers) socket.destroy()
      child.kill('SIGKILL')
    },
  }
}
