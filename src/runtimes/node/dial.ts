import { connect } from 'node:net'
import { connectTimedOut } from '../../upstreams/connect.ts'
import { deaf, type Dial, type Wire } from '../../upstreams/sockets/wire.ts'

/** All wires read into one buffer, because their bytes are used before the next read. */
const buffer = new Uint8Array(65_536)

/** Opens TCP connections, with Node's rules for names that have several addresses. */
export const dialOnNode: Dial = ({ host, port, timeoutMs }) => {
  let error: unknown
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 1000,
    onread: {
      buffer,
      callback: function onRead(length) {
        wire.listener.onBytes(buffer, length)
        return true
      },
    },
  })
  const timer = timeoutMs > 0 ? setTimeout(() => socket.destroy(connectTimedOut(timeoutMs)), timeoutMs) : undefined
  const close = () => {
    clearTimeout(timer)
    const { listener } = wire
    wire.listener = deaf
    socket.destroy()
    listener.onClose(error)
  }
  const wire: Wire = {
    listener: deaf,
    write: (data) => socket.write(data),
    isFlushed: () => socket.writableLength === 0,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy() {
      clearTimeout(timer)
      wire.listener = deaf
      socket.destroy()
    },
  }
  socket
    .on('connect', () => clearTimeout(timer))
    .on('drain', () => wire.listener.onDrain())
    .on('error', (cause) => (error = cause))
    .on('end', close)
    .on('close', close)
  return wire
}
