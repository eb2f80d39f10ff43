import type { HttpBindings } from '@hono/node-server'
import { finished } from 'node:stream'
import { openWithStreamSSE, type Open } from '../../relay/sink.ts'

/** `streamSSE`, and what it cannot do on Node: close the socket of a reader that takes nothing (hazard 45), and tell when all was taken. */
export const openOnNode: Open = (c, headers, onLeave) => {
  const { outgoing } = c.env as HttpBindings
  const { response, sink } = openWithStreamSSE(c, headers, onLeave)
  return {
    response,
    sink: {
      write: sink.write,
      end() {
        void sink.end()
        return new Promise((resolve) => finished(outgoing, () => resolve()))
      },
      cut() {
        outgoing.destroy()
        sink.cut()
      },
    },
  }
}
