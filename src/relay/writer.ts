import type { Sink } from './sink.ts'

export interface Writer {
  write(frames: string): void | Promise<void>
  /** Settles when the reader has taken everything that was written, and the clean end. */
  end(): Promise<void>
  readonly bytesWritten: number
}

/** A longer piece goes out in parts: a slow reader that takes some of it has not stalled. */
const partBytes = 262_144

const utf8 = new TextEncoder()

/** Frames → the bytes of a sink, in order. `onFull` hears when it is full, again each time that the reader has taken something, and when it has room. */
export function createWriter(sink: Sink, onFull: (isFull: boolean) => void): Writer {
  let bytesWritten = 0
  let pending: Promise<void> | undefined

  async function writeParts(bytes: Uint8Array) {
    await pending
    for (let from = 0; from < bytes.byteLength; from += partBytes) {
      onFull(true)
      await sink.write(bytes.subarray(from, from + partBytes))
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
      const bytes = utf8.encode(frames)
      bytesWritten += bytes.byteLength
      const full = pending || bytes.byteLength > partBytes ? writeParts(bytes) : sink.write(bytes)
      return full ? wait(full) : undefined
    },
    async end() {
      await pending
      const full = sink.end()
      if (full) await wait(full)
    },
    get bytesWritten() {
      return bytesWritten
    },
  }
}
