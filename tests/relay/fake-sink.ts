import type { Sink } from '../../src/relay/sink.ts'

/** A sink whose reader the test controls. */
export interface FakeSink extends Sink {
  /** The writes as text, one entry each. */
  readonly written: string[]
  readonly ended: number
  readonly wasCut: number
  /** From now on, each write makes the sink full, until `drain`. */
  fill(): void
  /** Reads everything. Further writes do not make the sink full. */
  drain(): void
  /** Reads everything that was written. The next write makes the sink full again. */
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
    // After a cut there is no reader, so the sink is no longer full.
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
