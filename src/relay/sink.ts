import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'

/** Writes the body of a streaming response. */
export interface Sink {
  /**
   * Accepts the frames even if the sink is full. Returns a promise only if the sink is full. The
   * promise resolves when there is room again or the reader has disconnected. It never rejects.
   */
  write(frames: string): void | Promise<void>
  /**
   * Ends the response cleanly. If the runtime can tell when the reader has received everything,
   * this returns a promise that resolves then. The promise never rejects.
   */
  end(): void | Promise<void>
  /** Breaks off the response, so that no reader mistakes it for a complete one. */
  cut(): void
  /** How many bytes were written so far. */
  readonly bytesWritten: number
}

/** Opens a streaming response. */
export interface Open {
  /**
   * Middleware can still add headers to the response after this call. `onLeave` is called when the
   * reader disconnects.
   */
  (c: Context, headers: Readonly<Record<string, string>>, onLeave: () => void): { response: Response; sink: Sink }
  /**
   * Whether the reader can tell a `cut` of this response from a clean end. If not, Sluice offers no
   * format that reports a failure only by a cut.
   */
  readonly canCut: (c: Context) => boolean
}

/** A sink is full when more than this many UTF-16 units wait for the current write to end. */
const waitingLength = 16_384

const utf8 = new TextEncoder()

/**
 * For a runtime without an `Open` of its own. It is no default, so that the other runtimes do not
 * bundle it. The callback of `streamSSE` runs synchronously, so the sink exists before `open`
 * returns. `canCut` is false, because for the reader a cut of this sink looks like a clean end
 * (docs/hazards.md#45, docs/hazards.md#55).
 */
export const openWithStreamSSE: Open = Object.assign(open, { canCut: () => false })

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  let sink: Sink | undefined
  // This callback must not throw, because `streamSSE` would then end the stream cleanly. No
  // `onError` is passed, because with it Hono would send the message of the error to the reader
  // (docs/hazards.md#1).
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
  // Over HTTP/2, the two headers that are deleted here crash a Node process (docs/hazards.md#5).
  // The runtime sets them itself if it needs them.
  response.headers.delete('transfer-encoding')
  response.headers.delete('connection')
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return { response, sink: sink! }
}

/**
 * Makes a sink that runs one write at a time. Frames that arrive during a write are joined into the
 * next write, because a write costs much more than its bytes (docs/hazards.md#3).
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
