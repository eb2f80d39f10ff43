import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'

/** Where frames go. */
export interface Sink {
  /**
   * Takes the frames at once. It returns a promise only when the sink is full. The promise settles
   * when there is room again or the reader has left, and it never rejects.
   */
  write(frames: string): void | Promise<void>
  /**
   * Ends the response cleanly, after the terminal. If the runtime can tell when the reader has
   * taken everything, it returns a promise that settles then. The promise never rejects.
   */
  end(): void | Promise<void>
  /** Breaks the response, so that no reader takes its end for a clean one. */
  cut(): void
  /** How many bytes went out so far, in UTF-8. */
  readonly bytesWritten: number
}

/** How a streaming response is opened. */
export interface Open {
  /**
   * Headers that middleware sets afterwards still reach the response. `onLeave` is called when the
   * reader leaves.
   */
  (c: Context, headers: Readonly<Record<string, string>>, onLeave: () => void): { response: Response; sink: Sink }
  /**
   * Whether `cut` breaks the response to this request, so that the reader cannot take it for a
   * whole one. If not, a framing that needs the cut is not offered.
   */
  readonly canCut: (c: Context) => boolean
}

/** A sink is full when more UTF-16 units than this wait behind the write that is under way. */
const waitingLength = 16_384

const utf8 = new TextEncoder()

/**
 * The default, for a runtime that brings nothing leaner. The callback of `streamSSE` runs
 * synchronously, so the sink is made before `open` returns. This sink cannot cut, because the
 * reader would see a clean end (docs/hazards.md#45, docs/hazards.md#55).
 */
export const openWithStreamSSE: Open = Object.assign(open, { canCut: () => false })

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  let sink: Sink | undefined
  // Nothing in here may throw, because `streamSSE` would end the stream as if all were well. There
  // is no `onError`, because Hono would send the error's message to the reader (docs/hazards.md#1).
  const response = streamSSE(c, (stream) => {
    const closed = Promise.withResolvers<void>()
    stream.onAbort(onLeave)
    sink = toJoined((bytes) => stream.write(bytes), {
      end: closed.resolve,
      cut() {
        stream.abort()
        closed.resolve()
      },
    })
    return closed.promise
  })
  // Both headers crash a Node process over HTTP/2 (docs/hazards.md#5). The runtime sets the ones it
  // needs.
  response.headers.delete('transfer-encoding')
  response.headers.delete('connection')
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return { response, sink: sink! }
}

/**
 * Makes one write at a time. The frames that come meanwhile are joined into the next write, because
 * a write costs much more than its bytes (docs/hazards.md#3).
 */
function toJoined(send: (bytes: Uint8Array) => Promise<unknown>, { end, cut }: Pick<Sink, 'end' | 'cut'>): Sink {
  let inFlight: Promise<void> | undefined
  let waiting = ''
  let bytesWritten = 0

  function start(frames: string) {
    const bytes = utf8.encode(frames)
    bytesWritten += bytes.byteLength
    inFlight = send(bytes).then(onWritten)
  }
  function onWritten() {
    inFlight = undefined
    if (waiting !== '') start(waiting)
    waiting = ''
  }
  function drain(): Promise<void> | undefined {
    return inFlight?.then(drain)
  }

  return {
    write(frames) {
      if (!inFlight) return start(frames)
      waiting += frames
      return waiting.length > waitingLength ? inFlight : undefined
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
