import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Socket } from 'node:net'
import { finished } from 'node:stream'
import type { Open } from '../../relay/sink.ts'

/** A longer piece, in UTF-16 units, goes as bytes: as a string it would be copied once more. */
const longLength = 4096

/**
 * The response's stream carries the head, the first frames, the end, and the news that the reader left. The frames between go to the socket,
 * past the stream and past `ServerResponse`, each an HTTP chunk in one string: a quarter of a token's cost (hazard 67). It can also do
 * what `streamSSE` cannot: close the socket of a reader that takes nothing (hazard 45), and tell when everything was taken.
 *
 * Nothing between may transform the body.
 */
export const openOnNode: Open = Object.assign(open, {
  // To HTTP/1.0 the end of the connection is the end of the body (hazard 84).
  canCut: (c: Context) => (c.env as HttpBindings).incoming.httpVersion !== '1.0',
})

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  const { outgoing } = c.env as HttpBindings
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let room: PromiseWithResolvers<void> | undefined
  let bytesWritten = 0
  /** Someone reads the stream, and it is empty. */
  let isAwaited = false

  const wake = () => {
    room?.resolve()
    room = undefined
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (own) => void (controller = own),
      pull() {
        isAwaited = true
        wake()
      },
      cancel() {
        controller = undefined
        wake()
        onLeave()
      },
    },
    { highWaterMark: 0 },
  )

  /** Past the stream. False when full. */
  function send(frames: string, socket: Socket): boolean {
    if (frames.length > longLength) {
      const bytes = Buffer.from(frames)
      bytesWritten += bytes.byteLength
      return outgoing.write(bytes)
    }
    const byteLength = Buffer.byteLength(frames)
    bytesWritten += byteLength
    return socket.write(outgoing.chunkedEncoding ? `${byteLength.toString(16)}\r\n${frames}\r\n` : frames)
  }

  return {
    response: c.body(body, 200, { ...headers }),
    sink: {
      write(frames) {
        if (!controller) return
        const { socket } = outgoing
        // The head is out, and all that went through the stream as well. Without a socket an earlier response is under way on it (pipelining).
        if (isAwaited && outgoing.headersSent && socket) {
          if (send(frames, socket)) return
          if (!room) socket.once('drain', wake)
        } else {
          const bytes = Buffer.from(frames)
          bytesWritten += bytes.byteLength
          controller.enqueue(bytes)
          isAwaited = false
        }
        room ??= Promise.withResolvers()
        return room.promise
      },
      end() {
        controller?.close()
        controller = undefined
        return new Promise((resolve) => finished(outgoing, () => resolve()))
      },
      cut: () => void outgoing.destroy(),
      get bytesWritten() {
        return bytesWritten
      },
    },
  }
}
