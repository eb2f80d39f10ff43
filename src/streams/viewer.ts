import type { Encoder } from '../encoders/encoder.ts'
import type { ServiceError } from '../errors.ts'
import { createTimer } from '../relay/timer.ts'
import type { Sink } from '../relay/sink.ts'
import { createWriter } from '../relay/writer.ts'
import { logDropped } from './failures.ts'
import type { Part, RunLog } from './run-log.ts'

export interface ViewerOptions {
  log: RunLog
  /** The number of the last frame that the reader has. -1 if it has none. */
  after: number
  sink: Sink
  /** The encoder that made the frames of the log. */
  encoder: Pick<Encoder, 'opening' | 'heartbeat'>
  heartbeatMs: number
  /** How long the reader may read nothing before its connection is cut. 0 means no limit. */
  stallMs: number
  now: () => number
  /** Returns the frames that report a failure. */
  toFrames(error: ServiceError): string
  /** Called once, when the reader has read everything, has disconnected, or was cut. */
  onEnd(end: ViewerEnd): void
}

/**
 * How a viewer ended. `done`: the reader has everything, including the terminal. `left`: the reader
 * disconnected. `stalled`: the reader read nothing for too long.
 */
export type ViewerEnd = 'done' | 'left' | 'stalled'

/** A reader of a run. */
export interface Viewer {
  /** Writes a frame that is not in the log. If the reader is slow, the frame is left out. */
  say(frame: string): void
  /** Call this when the reader has disconnected. */
  leave(): void
}

/** Sends a log to a reader: first what is there, and then each frame as it comes. */
export function createViewer(options: ViewerOptions): Viewer {
  const { log, sink, encoder, heartbeatMs, stallMs, now, toFrames, onEnd } = options
  let position = options.after
  let lastOutAt = now()
  let blockedSince: number | undefined
  /** Whether a read or a write is under way, so that the next read has to wait. */
  let isBusy = false
  /** Whether nothing more is written. */
  let isOver = false
  let hasEnded = false

  function toDue(): number {
    if (blockedSince !== undefined) return stallMs === 0 ? Infinity : blockedSince + stallMs
    return isOver ? Infinity : lastOutAt + heartbeatMs
  }
  const timer = createTimer(now, () => {
    if (now() >= toDue()) {
      if (blockedSince !== undefined) return cut()
      void write(encoder.heartbeat)
      read() // a call of `onMore` may have been lost
    }
    timer.schedule(toDue())
  })
  const writer = createWriter(sink, (isBlocked) => {
    blockedSince = isBlocked ? now() : undefined
    timer.schedule(toDue())
  })

  function write(frames: string): void | Promise<void> {
    lastOutAt = now()
    return writer.write(frames)
  }
  /** Sends what the log has, until the sink is full or the log has no more. */
  function read() {
    if (isBusy) return // `wait` goes on from here
    for (let more = true; more;) {
      const part = isOver ? undefined : log.read(position)
      const sent = part instanceof Promise ? part.then(send) : send(part)
      if (sent instanceof Promise) return wait(sent)
      more = sent
    }
  }
  function wait(sent: Promise<unknown>) {
    isBusy = true
    void sent.then(() => {
      isBusy = false
      read()
    })
  }
  /** Returns whether the log may have more, or a promise if the sink is full. */
  function send(part: Part | undefined): boolean | Promise<unknown> {
    if (part === undefined) return false
    if (part === 'dropped' || part === 'beyond') return finish(toFrames(logDropped()))
    position = part.last
    if (part.isEnd) return finish(part.frames)
    if (part.frames === '') return false
    return write(part.frames) ?? true
  }
  function finish(frames: string): false {
    isOver = true
    if (frames !== '') void write(frames)
    void writer.end().then(() => end('done'))
    return false
  }
  function cut() {
    sink.cut()
    end('stalled')
  }
  function end(how: ViewerEnd) {
    if (hasEnded) return
    hasEnded = isOver = true
    stopListening()
    timer.stop()
    onEnd(how)
  }

  const stopListening = log.onMore(read)
  timer.schedule(toDue())
  void write(encoder.opening)
  read()
  return {
    say(frame) {
      if (!isBusy && !isOver) void write(frame)
    },
    leave() {
      void sink.end()
      end('left')
    },
  }
}
