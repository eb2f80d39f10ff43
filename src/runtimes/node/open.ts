import type { HttpBindings } from '@hono/node-server'
import { finished } from 'node:stream'
import type { Open } from '../../relay/sink.ts'

/**
 * One pushed stream, at two thirds of what `streamSSE` costs on Node. It can also do what `streamSSE` cannot: close the socket of a reader that takes
 * nothing (hazard 45), and tell when everything was taken.
 */
export const openOnNode: Open = (c, headers, onLeave) => {
  const { outgoing } = c.env as HttpBindings
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let room: PromiseWithResolvers<void> | undefined
  const wake = () => {
    room?.resolve()
    room = undefined
  }
  const body = new ReadableStream<Uint8Array>({
    start: (own) => void (controller = own),
    pull: wake,
    cancel() {
      controller = undefined
      wake()
      onLeave()
    },
  })
  return {
    response: c.body(body, 200, { ...headers }),
    sink: {
      write(bytes) {
        if (!controller) return
        controller.enqueue(bytes)
        if (controller.desiredSize! > 0) return
        room ??= Promise.withResolvers()
        return room.promise
      },
      end() {
        controller?.close()
        controller = undefined
        return new Promise((resolve) => finished(outgoing, () => resolve()))
      },
      cut: () => void outgoing.destroy(),
    },
  }
}
