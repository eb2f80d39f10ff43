import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'

/** Where frames go. */
export interface Sink {
  /** Takes the bytes at once. A promise only when full: it settles when there is room again, or nobody to read. Never rejects. */
  write(bytes: Uint8Array): void | Promise<void>
  /** A clean end, after the terminal. A promise, if the runtime can tell, until the reader has taken everything. Never rejects. */
  end(): void | Promise<void>
  /** A broken end, so that no reader takes it for a clean one. */
  cut(): void
}

/** How a streaming response is opened. Headers that middleware sets afterwards still reach it. `onLeave`: its reader went away. */
export type Open = (
  c: Context,
  headers: Readonly<Record<string, string>>,
  onLeave: () => void,
) => { response: Response; sink: Sink }

/** The default on every runtime. Its callback runs synchronously, so that it can hand out its stream. */
export const openWithStreamSSE: Open = (c, headers, onLeave) => {
  let sink: Sink | undefined
  // No `onError` for streamSSE, and nothing in here throws: it would end the stream as if all were well (hazard 1).
  const response = streamSSE(c, (stream) => {
    const over = Promise.withResolvers<void>()
    let pending = 0
    let last: Promise<void> | undefined
    const settle = () => void pending--
    stream.onAbort(onLeave)
    sink = {
      write(bytes) {
        // Full is: the one before is still on its way. Awaiting each would cost a turn of the loop a token.
        const isFull = pending > 0
        pending++
        last = stream.write(bytes).then(settle)
        return isFull ? last : undefined
      },
      end() {
        if (pending > 0) return last?.then(over.resolve)
        over.resolve()
      },
      cut() {
        stream.abort()
        over.resolve()
      },
    }
    return over.promise
  })
  // Both crash a Node process over HTTP/2 (hazard 5); the runtime sets what it needs.
  response.headers.delete('transfer-encoding')
  response.headers.delete('connection')
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return { response, sink: sink! }
}
