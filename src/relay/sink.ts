import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'

/** Where frames go. */
export interface Sink {
  /** Takes the frames at once. A promise only when full: it settles when there is room again, or nobody to read. Never rejects. */
  write(frames: string): void | Promise<void>
  /** A clean end, after the terminal. A promise, if the runtime can tell, until the reader has taken everything. Never rejects. */
  end(): void | Promise<void>
  /** A broken end, so that no reader takes it for a clean one. */
  cut(): void
  /** What went out so far, in UTF-8. */
  readonly bytesWritten: number
}

/** How a streaming response is opened. */
export interface Open {
  /** Headers that middleware sets afterwards still reach the response. `onLeave`: its reader went away. */
  (c: Context, headers: Readonly<Record<string, string>>, onLeave: () => void): { response: Response; sink: Sink }
  /**
   * Whether `cut` breaks the response to this request, so that its reader cannot take it for a whole one. If not, a framing
   * that needs the cut is not offered.
   */
  readonly canCut: (c: Context) => boolean
}

/** A sink is full when so many characters wait behind the write that is under way. */
const waitingLength = 16_384

const utf8 = new TextEncoder()

/**
 * The default, on every runtime that brings nothing leaner. Its callback runs synchronously, so that it can hand out its
 * stream. It cannot cut: on Bun and workerd the reader would see a clean end (hazard 55).
 */
export const openWithStreamSSE: Open = Object.assign(open, { canCut: () => false })

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  let sink: Sink | undefined
  // No `onError` for streamSSE, and nothing in here throws: it would end the stream as if all were well (hazard 1).
  const response = streamSSE(c, (stream) => {
    const over = Promise.withResolvers<void>()
    stream.onAbort(onLeave)
    sink = toJoined((bytes) => stream.write(bytes), {
      end: over.resolve,
      cut() {
        stream.abort()
        over.resolve()
      },
    })
    return over.promise
  })
  // Both crash a Node process over HTTP/2 (hazard 5); the runtime sets what it needs.
  response.headers.delete('transfer-encoding')
  response.headers.delete('connection')
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return { response, sink: sink! }
}

/** One write at a time, and what comes meanwhile in one piece behind it: a write costs much more than its bytes (hazard 3). */
function toJoined(send: (bytes: Uint8Array) => Promise<unknown>, { end, cut }: Pick<Sink, 'end' | 'cut'>): Sink {
  let underWay: Promise<void> | undefined
  let waiting = ''
  let bytesWritten = 0

  function start(frames: string) {
    const bytes = utf8.encode(frames)
    bytesWritten += bytes.byteLength
    underWay = send(bytes).then(goOn)
  }
  function goOn() {
    underWay = undefined
    if (waiting !== '') start(waiting)
    waiting = ''
  }
  function drain(): Promise<void> | undefined {
    return underWay?.then(drain)
  }

  return {
    write(frames) {
      if (!underWay) return start(frames)
      waiting += frames
      return waiting.length > waitingLength ? underWay : undefined
    },
    end() {
      const drained = drain()
      return drained ? drained.then(end) : end()
    },
    cut,
    get bytesWritten() {
      return bytesWritten
    },
  }
}
