import type { Sink } from '../../src/relay/sink.ts'

/** A reader that takes what the test lets it take. */
export interface FakeSink extends Sink {
  /** What came, as text; a write is one entry. */
  readonly written: string[]
  readonly ended: number
  readonly wasCut: number
  /** From now on every write is full, until `drain`. */
  fill(): void
  /** Takes everything that is there, and is full no more. */
  drain(): void
  /** Takes what is there, and stays full for what comes then. */
  takeOne(): void
}

export function createFakeSink({ endsLate = false } = {}): FakeSink {
  const written: string[] = []
  let isFull = false
  let room: PromiseWithResolvers<void> | undefined
  const end = Promise.withResolvers<void>()
  const sink = { written, ended: 0, wasCut: 0, bytesWritten: 0 }

  function takeOne() {
    room?.resolve()
    room = undefined
  }
  return Object.assign(sink, {
    write(frames: string) {
      if (sink.ended > 0) throw new Error('Cannot write: it has ended')
      written.push(frames)
      sink.bytesWritten += Buffer.byteLength(frames)
      if (!isFull) return
      room ??= Promise.withResolvers<void>()
      return room.promise
    },
    end() {
      sink.ended++
      return endsLate ? end.promise : undefined
    },
    // Nobody to read any more.
    cut() {
      sink.wasCut++
      isFull = false
      takeOne()
      end.resolve()
    },
    fill: () => void (isFull = true),
    drain() {
      isFull = false
      takeOne()
      end.resolve()
    },
    takeOne,
  })
}
