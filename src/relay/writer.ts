import type { Sink } from './sink.ts'

export interface Writer {
  write(frames: string): void | Promise<void>
  /**
   * Ends the response cleanly. Resolves when the reader has received everything, including the end.
   */
  end(): Promise<void>
  /** Lets the runtime send everything that was written, and then breaks off the response. */
  cut(): Promise<void>
}

/**
 * Frames longer than this, in UTF-16 units, are written in parts. The stall deadline starts again
 * with each part, so a slow reader is cut only if one part takes too long.
 */
const partLength = 65_536

/**
 * Writes frames to a sink, in order. `onBlocked(true)` is called when the sink is full, and again
 * each time that the reader has read a part. `onBlocked(false)` is called when there is room again.
 */
export function createWriter(sink: Sink, onBlocked: (isBlocked: boolean) => void): Writer {
  let pending: Promise<void> | undefined

  async function writeParts(frames: string) {
    await pending
    for (let from = 0, to; from < frames.length; from = to) {
      to = endOfPart(frames, from)
      onBlocked(true)
      await sink.write(frames.slice(from, to))
    }
  }

  function wait(drained: Promise<void>): Promise<void> {
    onBlocked(true)
    const unblocked = drained.then(() => {
      if (pending !== unblocked) return onBlocked(true)
      pending = undefined
      onBlocked(false)
    })
    pending = unblocked
    return unblocked
  }

  return {
    write(frames) {
      const drained = pending || frames.length > partLength ? writeParts(frames) : sink.write(frames)
      return drained ? wait(drained) : undefined
    },
    async end() {
      await pending
      const drained = sink.end()
      if (drained) await wait(drained)
    },
    async cut() {
      await pending
      // A cut discards the bytes that the runtime has not sent yet. So the runtime gets a turn of
      // the event loop to send them.
      await new Promise((resolve) => setTimeout(resolve, 0))
      sink.cut()
    },
  }
}

/**
 * Returns the end of a part. It never splits a surrogate pair, because half a pair cannot be
 * encoded in UTF-8.
 */
function endOfPart(frames: string, from: number): number {
  const to = from + partLength
  return to < frames.length && frames.codePointAt(to - 1)! > 0xffff ? to - 1 : to
}
