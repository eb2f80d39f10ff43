import type { Open } from '../../relay/sink.ts'

/** Breaks off a response. It has no stack, because Deno prints it (docs/hazards.md#122). */
const cutting = Object.assign(new Error('Sluice has cut a reader'), { stack: '' })

const utf8 = new TextEncoder()

/**
 * Writes to one stream, which Deno reads as fast as the reader does. Unlike `streamSSE`, this sink
 * can break off a response (docs/hazards.md#55).
 */
export const openOnDeno: Open = Object.assign(open, { canCut: () => true })

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  let controller: ReadableStreamDefaultController<Uint8Array>
  let drained: PromiseWithResolvers<void> | undefined
  let isEnded = false
  let bytesWritten = 0

  function onDrain() {
    drained?.resolve()
    drained = undefined
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (created) => void (controller = created),
      // Nothing may wait in the stream (`highWaterMark`), so this is called when Deno has taken
      // everything and asks for more.
      pull: onDrain,
      cancel() {
        isEnded = true
        onDrain()
        onLeave()
      },
    },
    { highWaterMark: 0 },
  )
  function wait(): Promise<void> | undefined {
    if (controller.desiredSize! >= 0) return
    drained ??= Promise.withResolvers()
    return drained.promise
  }
  function close() {
    if (isEnded) return
    isEnded = true
    controller.close()
  }
  return {
    response: c.body(body, 200, { ...headers }),
    sink: {
      write(frames) {
        if (isEnded) return
        const bytes = utf8.encode(frames)
        bytesWritten += bytes.byteLength
        controller.enqueue(bytes)
        return wait()
      },
      end() {
        const waiting = isEnded ? undefined : wait()
        return waiting ? waiting.then(close) : close()
      },
      cut() {
        if (isEnded) return
        isEnded = true
        controller.error(cutting)
        onDrain()
      },
      get bytesWritten() {
        return bytesWritten
      },
    },
  }
}
