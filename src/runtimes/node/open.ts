import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Socket } from 'node:net'
import { finished } from 'node:stream'
import type { Open } from '../../relay/sink.ts'

/** Longer frames, in UTF-16 units, go as bytes, because a string would be copied once more. */
const longLength = 4096

/**
 * The response's stream carries the head, the first frames and the end, and tells when the reader
 * leaves. The frames between go straight to the socket, past the stream and past `ServerResponse`.
 * Each is an HTTP chunk in one string, which saves a quarter of a token's cost
 * (docs/hazards.md#67). So no middleware may transform the body.
 *
 * Unlike `streamSSE`, this can close the socket of a reader that takes nothing
 * (docs/hazards.md#45), and tell when the reader has taken everything.
 */
export const openOnNode: Open = Object.assign(open, {
  // In HTTP/1.0 the end of the connection is the end of the body (docs/hazards.md#84).
  canCut: (c: Context) => (c.env as HttpBindings).incoming.httpVersion !== '1.0',
})

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  const { outgoing } = c.env as HttpBindings
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let drained: PromiseWithResolvers<void> | undefined
  let bytesWritten = 0
  /** Whether somebody reads the stream and it is empty. */
  let isAwaited = false

  const onDrain = () => {
    drained?.resolve()
    drained = undefined
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (created) => void (controller = created),
      pull() {
        isAwaited = true
        onDrain()
      },
      cancel() {
        controller = undefined
        onDrain()
        onLeave()
      },
    },
    { highWaterMark: 0 },
  )

  /** Writes past the stream. Returns false when the socket is full. */
  function writeToSocket(frames: string, socket: Socket): boolean {
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
        // The frames go past the stream only when the head and everything in the stream are out.
        // There is no socket while an earlier response is under way on the connection (pipelining).
        if (isAwaited && outgoing.headersSent && socket) {
          if (writeToSocket(frames, socket)) return
          if (!drained) socket.once('drain', onDrain)
        } else {
          const bytes = Buffer.from(frames)
          bytesWritten += bytes.byteLength
          controller.enqueue(bytes)
          isAwaited = false
        }
        drained ??= Promise.withResolvers()
        return drained.promise
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
