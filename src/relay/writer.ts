import type { Sink } from './sink.ts'

export interface Writer {
  write(frames: string): void | Promise<void>
  /** Ends cleanly. Settles when the reader has taken everything, including the end. */
  end(): Promise<void>
  /** Breaks the response after everything that was written. */
  cut(): Promise<void>
}

/**
 * Longer frames, in UTF-16 units, go out in parts, because a slow reader that takes a part has not
 * stalled.
 */
const partLength = 65_536

/**
 * Frames → a sink, in order. `onBlocked` is called with true when the sink is full, and again each
 * time that the reader has taken something. It is called with false when there is room again.
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
      // The runtime needs a turn to hand over what it has taken, because a cut throws the rest
      // away.
      await new Promise((resolve) => setTimeout(resolve, 0))
      sink.cut()
    },
  }
}

/**
 * The end of a part. It is never between the halves of a surrogate pair, because UTF-8 cannot
 * write half a pair.
 */
function endOfPart(frames: string, from: number): number {
  const to = from + partLength
  return to < frames.length && frames.codePointAt(to - 1)! > 0xffff ? to - 1 : to
}
