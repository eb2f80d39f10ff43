import { closeSync, openSync } from 'node:fs'
import { connectTimedOut, turnBytes } from '../../upstreams/connect.ts'
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

/**
 * Opens TCP connections by `Bun.connect`. Its `write` does not keep the bytes that the kernel does
 * not take. Bun cannot stop a connection that is still opening. If a wire is destroyed meanwhile,
 * nothing is sent, but its descriptor stays in use until the connection opens or the kernel gives
 * up.
 */
export const dialOnBun: Dial = ({ host, port, timeoutMs }) => {
  let socket: Socket | undefined
  let [isClosed, isPaused, isReading] = [false, false, false]
  let waiting: Uint8Array[] = []
  /** The bytes that Bun has read, but the listener has not got. The connection may have ended. */
  let unread: Uint8Array[] = []
  /** Set when the connection has ended. Called when the listener has got all bytes. */
  let onAllRead: (() => void) | undefined

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
  /**
   * Bun reads half a megabyte at once. The listener gets it in parts, so that it can pause between
   * them and other streams get their turn.
   */
  function takePart(): Uint8Array | undefined {
    if (isPaused) return undefined
    const bytes = unread.shift()
    if (!bytes || bytes.byteLength <= turnBytes) return bytes
    unread.unshift(bytes.subarray(turnBytes))
    return bytes.subarray(0, turnBytes)
  }
  function read() {
    if (isReading) return // the listener has called `resume`, and the loop below goes on
    isReading = true
    for (let part; (part = takePart());) wire.listener.onBytes(part, part.byteLength)
    isReading = false
    if (unread.length === 0) onAllRead?.()
  }
  function close(error?: unknown) {
    onAllRead = () => {
      const { listener } = wire
      wire.destroy()
      listener.onClose(error)
    }
    read()
  }
  const timer = timeoutMs > 0 ? setTimeout(() => close(connectTimedOut(timeoutMs)), timeoutMs) : undefined
  const wire: Wire = {
    listener: deaf,
    write(data) {
      if (isClosed) return true
      waiting.push(typeof data === 'string' ? utf8.encode(data) : data)
      return waiting.length > 1 ? false : flush()
    },
    isFlushed: () => waiting.length === 0,
    pause() {
      isPaused = true
      socket?.pause()
    },
    resume() {
      isPaused = false
      read()
      if (!isPaused) socket?.resume()
    },
    destroy() {
      clearTimeout(timer)
      isClosed = true
      waiting = []
      unread = []
      onAllRead = undefined
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
        clearTimeout(timer)
        socket = opened
        if (isClosed) return socket.terminate()
        socket.setNoDelay(true)
        socket.setKeepAlive(true, 1000)
        if (flush()) wire.listener.onDrain()
      },
      data(_socket, bytes) {
        unread.push(bytes)
        read()
      },
      drain() {
        if (flush()) wire.listener.onDrain()
      },
      end: () => close(),
      close: (_socket, error) => close(error),
      error: (_socket, error) => close(error),
    },
  }).catch((error: unknown) => close(toCause(error)))
  return wire
}

/**
 * Returns the reason why a connection could not be opened. If no descriptor is free, Bun says
 * ECONNREFUSED. A file can then not be opened either, and its error says EMFILE.
 */
function toCause(error: unknown): unknown {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return error
  } catch (cause) {
    return cause
  }
}
