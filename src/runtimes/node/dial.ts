import { connect } from 'node:net'
import { deaf, type Dial, type Wire } from '../../upstreams/sockets/wire.ts'

/** All wires read into one buffer, because their bytes are used before the next read. */
const buffer = new Uint8Array(65_536)

/** Opens TCP connections, with Node's rules for names that have several addresses. */
export const dialOnNode: Dial = ({ host, port }) => {
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
  const close = () => {
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
      wire.listener = deaf
      socket.destroy()
    },
  }
  socket
    .on('drain', () => wire.listener.onDrain())
    .on('error', (cause) => (error = cause))
    .on('end', close)
    .on('close', close)
  return wire
}
