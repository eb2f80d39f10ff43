import type { Open } from '../../relay/sink.ts'

/** What the server passes to the app with each request. */
export interface BunBindings {
  /** The caller's IP address. */
  readonly address: string
  /** True if the body is a stream. The sink then calls `onAnswered` if the stream ends cleanly. */
  isStreaming: boolean
  /** Called when the response ends cleanly. */
  onAnswered(): void
}

/**
 * Bun's direct stream (https://bun.com/docs/runtime/streams#direct-readablestream). `pull` is
 * called once, when Bun sends the head. The response ends when the promise of `pull` resolves, and
 * is broken off when it rejects. `cancel` is called only if the reader disconnects before that.
 */
declare const ReadableStream: new (source: {
  type: 'direct'
  pull(controller: DirectController): Promise<void>
  cancel(): void
}) => globalThis.ReadableStream

interface DirectController {
  /**
   * Always accepts the text, and sends it at the end of the turn. Returns a promise if the socket
   * is full. It resolves when there is room again or the connection is closed.
   */
  write(text: string): number | Promise<void>
}

/**
 * Writes to a direct stream. It has no queue: Bun encodes each string and puts it into the buffer
 * of the socket, together with what else is written in that turn. A byte stream costs a tenth more
 * CPU for each token, and `streamSSE` even more. Unlike `streamSSE`, this sink can break off a
 * response (docs/hazards.md#55).
 */
export const openOnBun: Open = Object.assign(open, { canCut: () => true })

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  const ended = Promise.withResolvers<void>()
  let controller: DirectController | undefined
  /**
   * The frames that were written before `pull`. These are few, because Bun calls `pull` in the turn
   * in which the app returns the response.
   */
  let waiting = ''
  let isEnded = false
  let bytesWritten = 0

  const bindings = c.env as BunBindings
  bindings.isStreaming = true

  const body = new ReadableStream({
    type: 'direct',
    pull(created) {
      controller = created
      void created.write(waiting)
      waiting = ''
      return ended.promise
    },
    cancel() {
      isEnded = true
      ended.resolve()
      onLeave()
    },
  })

  return {
    response: c.body(body, 200, { ...headers }),
    sink: {
      write(frames) {
        if (isEnded) return
        // The number that Bun's `write` returns can be too small (docs/hazards.md#71).
        bytesWritten += Buffer.byteLength(frames)
        if (!controller) {
          waiting += frames
          return
        }
        const written = controller.write(frames)
        return typeof written === 'number' ? undefined : written
      },
      end() {
        if (isEnded) return
        isEnded = true
        bindings.onAnswered()
        ended.resolve()
      },
      cut() {
        if (isEnded) return
        isEnded = true
        // If Bun has not called `pull` yet, the rejection would be unhandled, and end the process.
        ended.promise.catch(() => {})
        ended.reject(undefined) // Bun would print any other value (docs/hazards.md#70)
      },
      get bytesWritten() {
        return bytesWritten
      },
    },
  }
}
