import { ServiceError } from '../errors.ts'
import type { Ended, Waiting } from '../generation.ts'
import type { Generation } from '../upstreams/upstream.ts'
import type { Core } from './core.ts'
import type { Sink } from './sink.ts'
import { createTimer } from './timer.ts'
import { createWriter, type Writer } from './writer.ts'

export interface RelayOptions {
  core: Core
  now: () => number
  /**
   * Ends the stream. If it is aborted with a ServiceError, the stream ends with that error. Any
   * other reason means that the reader has left.
   */
  controller: AbortController
  /** Opens the response. Called once, with the first frames. */
  open(): Sink
  /** Called instead of `open` if the stream ends without success before its first frame. */
  refuse(ended: Ended): void
}

export interface Relay {
  /** Tells the reader what it waits for. The argument is that of `CallContext.onWaiting`. */
  waiting(state: Waiting | undefined): void
  /**
   * Runs the stream of a generation that was asked for already. It is called once, and the
   * controller's signal ends it. It takes a promise, because a function would keep the request's
   * body for the whole stream. It never rejects, and resolves with the number of bytes when the
   * reader has taken everything.
   */
  run(generation: Promise<Generation>): Promise<number>
}

/**
 * The part of a stream's life that waits. It moves values from the upstream to the sink, and keeps
 * one timer. The core decides what goes out and when the stream is over.
 */
export function createRelay({ core, now, controller, open, refuse }: RelayOptions): Relay {
  const { signal } = controller
  let sink: Sink | undefined
  let writer: Writer | undefined

  function begin(): Writer {
    sink ??= open()
    return (writer ??= createWriter(sink, onFull))
  }
  function out(frames: string): void | Promise<void> {
    let full: void | Promise<void> = undefined
    if (frames !== '') full = begin().write(frames)
    timer.at(core.due)
    return full
  }
  function onFull(isFull: boolean) {
    core.full(isFull, now())
    timer.at(core.due)
  }
  function onAbort() {
    if (signal.reason instanceof ServiceError) void out(core.end(signal.reason))
    else core.leave()
  }
  const timer = createTimer(now, () => {
    const wasEnded = core.ended
    void out(core.tick(now()))
    if (core.ended === wasEnded) return
    if (core.ended?.how === 'stalled') sink?.cut() // at once, because nobody takes what waits
    controller.abort() // the upstream has to stop after a deadline
  })

  return {
    waiting(state) {
      void out(core.waiting(state, now()))
    },
    async run(asked) {
      let generation: Generation | undefined
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      timer.at(core.due)
      try {
        generation = await asked
        await generation.flow((batch) => {
          const full = out(core.push(batch, now()))
          // If the encoder failed, the upstream has to stop.
          if (core.ended?.how === 'failed') controller.abort()
          return full
        })
        void out(core.end(undefined))
      } catch (error) {
        void out(core.end(error))
      } finally {
        signal.removeEventListener('abort', onAbort)
        const ended = core.ended!
        generation?.close(ended)
        if (ended.how === 'done') begin() // an answer without a frame is an answer too
        if (!writer) refuse(ended)
        else if (ended.how === 'left') void sink?.end()
        else if (core.mustBreak) await writer.cut()
        else await writer.end()
        timer.stop()
      }
      return sink?.bytesWritten ?? 0
    },
  }
}
