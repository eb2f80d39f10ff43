import type { Encoder } from '../encoders/encoder.ts'
import type { ServiceError } from '../errors.ts'
import { createTimer } from '../relay/timer.ts'
import type { Sink } from '../relay/sink.ts'
import { createWriter } from '../relay/writer.ts'
import { logDropped, logLost } from './failures.ts'
import type { Added, Part, ReadableLog } from './run-log.ts'

export interface ViewerOptions {
  log: ReadableLog
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
  /**
   * Breaks the connection, so that the reader does not take the end of it for a terminal. Does
   * nothing if the terminal is already on its way.
   */
  cut(): void
}

/** Sends a log to a reader: first what is there, and then each frame as it comes. */
export function createViewer(options: ViewerOptions): Viewer {
  const { log, sink, encoder, heartbeatMs, stallMs, now, toFrames, onEnd } = options
  let position = options.after
  let lastOutAt = now()
  let blockedSince: number | undefined
  /** How many reads and writes are under way. The next read waits for them. */
  let pending = 0
  /** Whether the log may have more than the last read has returned. */
  let hasMore = false
  /** Whether nothing more is written. */
  let isOver = false
  let hasEnded = false
  /** True while this function runs. The head is not sent yet, so the sink accepts everything. */
  let isStarting = true

  function toDue(): number {
    if (blockedSince !== undefined) return stallMs === 0 ? Infinity : blockedSince + stallMs
    return isOver ? Infinity : lastOutAt + heartbeatMs
  }
  const timer = createTimer(now, () => {
    if (now() >= toDue()) {
      if (blockedSince !== undefined) return cut()
      write(encoder.heartbeat)
      read() // a call of `onMore` may have been lost
    }
    timer.schedule(toDue())
  })
  const writer = createWriter(sink, (isBlocked) => {
    blockedSince = isBlocked ? now() : undefined
    timer.schedule(toDue())
  })

  function write(frames: string) {
    lastOutAt = now()
    const sent = writer.write(frames)
    if (sent) wait(sent)
  }
  function wait(work: Promise<void>) {
    pending++
    void work.then(() => {
      pending--
      if (hasMore) read()
    })
  }
  /** Sends what the log has, until the sink is full or the log has no more. */
  function read() {
    for (hasMore = true; hasMore && pending === 0;) {
      if (isOver) return
      hasMore = false
      const part = log.read(position)
      if (part instanceof Promise) wait(part.then(send))
      else send(part)
    }
  }
  function send(part: Part) {
    if (isOver) return
    if (part === 'lost') return fail(toFrames(logLost()))
    if (part === 'dropped' || part === 'beyond') return fail(toFrames(logDropped()))
    if (isStarting && position > options.after && part.frames !== '') {
      // The rest of a long log waits for the head, because a reader may be slow.
      hasMore = true
      return wait(new Promise((resolve) => setTimeout(resolve, 0)))
    }
    position = part.last
    if (part.isEnd) return finish(part.frames)
    if (part.frames === '') return
    hasMore = true
    write(part.frames)
  }
  function fail(frames: string) {
    if (frames === '') cut()
    else finish(frames)
  }
  function finish(frames: string) {
    isOver = true
    if (frames !== '') write(frames)
    void writer.end().then(() => end('done'))
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

  function onMore(added?: Added) {
    if (added?.after !== position || pending > 0 || isOver) return read()
    position = added.last
    write(added.frames)
  }

  const stopListening = log.onMore(onMore)
  timer.schedule(toDue())
  write(encoder.opening)
  read()
  isStarting = false
  return {
    say(frame) {
      if (pending === 0 && !isOver) write(frame)
    },
    leave() {
      void sink.end()
      end('left')
    },
    cut() {
      if (!isOver) cut()
    },
  }
}
