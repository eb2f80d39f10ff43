import type { Sink } from './sink.ts'

export interface Writer {
  write(frames: string): void | Promise<void>
  /** Settles when the reader has taken everything that was written, and the clean end. */
  end(): Promise<void>
  /** Breaks the response, behind everything that was written. */
  cut(): Promise<void>
}

/** What is longer, in UTF-16 units, goes out in parts: a slow reader that takes some of it has not stalled. */
const partLength = 65_536

/** Frames → a sink, in order. `onFull` hears when it is full, again each time that the reader has taken something, and when it has room. */
export function createWriter(sink: Sink, onFull: (isFull: boolean) => void): Writer {
  let pending: Promise<void> | undefined

  async function writeParts(frames: string) {
    await pending
    for (let from = 0, to; from < frames.length; from = to) {
      to = endOfPart(frames, from)
      onFull(true)
      await sink.write(frames.slice(from, to))
    }
  }

  function wait(full: Promise<void>): Promise<void> {
    onFull(true)
    const taken = full.then(() => {
      if (pending !== taken) return onFull(true)
      pending = undefined
      onFull(false)
    })
    pending = taken
    return taken
  }

  return {
    write(frames) {
      const full = pending || frames.length > partLength ? writeParts(frames) : sink.write(frames)
      return full ? wait(full) : undefined
    },
    async end() {
      await pending
      const full = sink.end()
      if (full) await wait(full)
    },
    async cut() {
      await pending
      // One turn, in which the runtime hands over what it has taken: a cut throws the rest away.
      await new Promise((resolve) => setTimeout(resolve, 0))
      sink.cut()
    },
  }
}

/** Not between the halves of a surrogate pair: alone, neither is a character that UTF-8 knows. */
function endOfPart(frames: string, from: number): number {
  const to = from + partLength
  return to < frames.length && frames.codePointAt(to - 1)! > 0xffff ? to - 1 : to
}
