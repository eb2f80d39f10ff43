import { deaf, type Dial, type Wire } from '../../upstreams/sockets/wire.ts'

interface Socket {
  /** Returns how many bytes the kernel took, or -1 if the socket is closed. */
  write(bytes: Uint8Array): number
  pause(): void
  resume(): void
  setNoDelay(isOn: boolean): void
  setKeepAlive(isOn: boolean, delayMs: number): void
  terminate(): void
}

declare const Bun: {
  connect(options: {
    hostname: string
    port: number
    socket: {
      /** Without it the bytes are a Buffer, whose `slice` copies nothing. */
      binaryType: 'uint8array'
      open(socket: Socket): void
      data(socket: Socket, bytes: Uint8Array): void
      drain(socket: Socket): void
      end(socket: Socket): void
      close(socket: Socket, error?: Error): void
      error(socket: Socket, error: Error): void
    }
  }): Promise<Socket>
}

const utf8 = new TextEncoder()

/** Opens TCP connections by `Bun.connect`, whose `write` keeps nothing that the kernel does not take. */
export const dialOnBun: Dial = ({ host, port }) => {
  let socket: Socket | undefined
  let isClosed = false
  let waiting: Uint8Array[] = []

  function flush(): boolean {
    if (!socket) return false
    for (let bytes; (bytes = waiting[0]);) {
      const taken = Math.max(socket.write(bytes), 0)
      if (taken < bytes.byteLength) {
        waiting[0] = bytes.subarray(taken)
        return false
      }
      waiting.shift()
    }
    return true
  }
  function close(error?: unknown) {
    const { listener } = wire
    wire.destroy()
    listener.onClose(error)
  }
  const wire: Wire = {
    listener: deaf,
    write(data) {
      if (isClosed) return true
      waiting.push(typeof data === 'string' ? utf8.encode(data) : data)
      return waiting.length > 1 ? false : flush()
    },
    pause: () => socket?.pause(),
    resume: () => socket?.resume(),
    destroy() {
      isClosed = true
      waiting = []
      wire.listener = deaf
      socket?.terminate()
    },
  }
  Bun.connect({
    hostname: host,
    port,
    socket: {
      binaryType: 'uint8array',
      open(opened) {
        socket = opened
        if (isClosed) return socket.terminate()
        socket.setNoDelay(true)
        socket.setKeepAlive(true, 1000)
        if (flush()) wire.listener.onDrain()
      },
      data: (_socket, bytes) => wire.listener.onBytes(bytes),
      drain() {
        if (flush()) wire.listener.onDrain()
      },
      end: () => close(),
      close: (_socket, error) => close(error),
      error: (_socket, error) => close(error),
    },
  }).catch(close)
  return wire
}
