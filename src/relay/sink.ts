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

/** A sink is full when so much waits behind the write that is under way. */
const waitingBytes = 16_384

/** The default on every runtime. Its callback runs synchronously, so that it can hand out its stream. */
export const openWithStreamSSE: Open = (c, headers, onLeave) => {
  let sink: Sink | undefined
  // No `onError` for streamSSE, and nothing in here throws: it would end the stream as if all were well (hazard 1).
  const response = streamSSE(c, (stream) => {
    const over = Promise.withResolvers<void>()
    stream.onAbort(onLeave)
    sink = { ...toJoined((bytes) => stream.write(bytes), over.resolve), cut }
    function cut() {
      stream.abort()
      over.resolve()
    }
    return over.promise
  })
  // Both crash a Node process over HTTP/2 (hazard 5); the runtime sets what it needs.
  response.headers.delete('transfer-encoding')
  response.headers.delete('connection')
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return { response, sink: sink! }
}

/** One write at a time, and what comes meanwhile in one piece behind it: a write costs much more than its bytes (hazard 3). */
function toJoined(send: (bytes: Uint8Array) => Promise<unknown>, onEnd: () => void): Pick<Sink, 'write' | 'end'> {
  let underWay: Promise<void> | undefined
  let waiting: Uint8Array[] = []
  let bytesWaiting = 0

  function start(bytes: Uint8Array) {
    underWay = send(bytes).then(goOn)
  }
  function goOn() {
    underWay = undefined
    if (waiting.length > 0) start(join(waiting, bytesWaiting))
    waiting = []
    bytesWaiting = 0
  }
  function drain(): Promise<void> | undefined {
    return underWay?.then(drain)
  }

  return {
    write(bytes) {
      if (!underWay) return start(bytes)
      waiting.push(bytes)
      bytesWaiting += bytes.byteLength
      return bytesWaiting > waitingBytes ? underWay : undefined
    },
    end() {
      const drained = drain()
      return drained ? drained.then(onEnd) : onEnd()
    },
  }
}

function join(pieces: readonly Uint8Array[], byteLength: number): Uint8Array {
  const joined = new Uint8Array(byteLength)
  let at = 0
  for (const piece of pieces) {
    joined.set(piece, at)
    at += piece.byteLength
  }
  return joined
}
