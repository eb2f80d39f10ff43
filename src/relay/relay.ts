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
  /** Ends the stream: aborted with a ServiceError, it ends with that error; with anything else, its reader has left. */
  controller: AbortController
  /** Commits: called once, with the first frames. */
  open(): Sink
  /** Called instead of `open`, if the stream is over before a frame, and no success. */
  refuse(ended: Ended): void
}

export interface Relay {
  /** Tells the reader what it waits for, as `CallContext.onWaiting` hears it. */
  waiting(state: Waiting | undefined): void
  /**
   * Once, with what was asked already; the controller's signal ends it. A promise, as a function would keep the request's body for the whole
   * stream. Never rejects; resolves when the reader has taken everything, with the number of bytes.
   */
  run(generation: Promise<Generation>): Promise<number>
}

/**
 * The whole waiting life of a stream: moves values from the upstream to the sink, and keeps one timer. What goes out, and when it is over,
 * the core says.
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
    if (core.ended?.how === 'stalled') sink?.cut() // at once: nobody takes what waits
    controller.abort() // a deadline: the upstream has to stop
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
          if (core.ended?.how === 'failed') controller.abort() // an encoder failed: the upstream has to stop
          return full
        })
        void out(core.end(undefined))
      } catch (error) {
        void out(core.end(error))
      } finally {
        signal.removeEventListener('abort', onAbort)
        const ended = core.ended!
        generation?.close(ended)
        if (ended.how === 'done') begin() // an answer that has no frame is an answer all the same
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
