import { ServiceError } from '../errors.ts'
import type { Batch, Waiting } from '../generation.ts'
import type { Generation } from '../upstreams/upstream.ts'
import { createCore, type CoreOptions } from './core.ts'
import type { Sink } from './sink.ts'
import type { Outcome, Stream } from './stream.ts'
import { createTimer } from './timer.ts'
import { createWriter, type Writer } from './writer.ts'

export interface RelayOptions extends Omit<CoreOptions, 'now' | 'requestId'> {
  stream: Stream
  now: () => number
  /** Opens the response. Called once, with the first frames. */
  open(): { response: Response; sink: Sink }
  /** Makes the response of a stream that fails before its first frame. */
  refuse(error: ServiceError): Response
}

export interface Relay {
  /** Tells the reader what it waits for. The argument is that of `CallContext.onWaiting`. */
  waiting(state: Waiting | undefined): void
  /**
   * Runs the stream of a generation that was asked for already. It is called once, and the
   * stream's signal ends it. It takes a promise, because a function would keep the request's body
   * for the whole stream. It never rejects, and resolves when the reader has taken everything.
   */
  run(generation: Promise<Generation>): Promise<Outcome>
  /** Resolves with the first frames, or with a refusal. */
  readonly response: Promise<Response>
}

/**
 * The part of a stream's life that waits. It moves values from the upstream to the sink, and keeps
 * one timer. The core decides what goes out and when the stream is over.
 */
export function createRelay({ stream, now, open, refuse, ...rules }: RelayOptions): Relay {
  const { signal } = stream
  const startedAt = now()
  const core = createCore({ ...rules, requestId: stream.requestId, now: startedAt })
  const { promise: response, resolve: respond } = Promise.withResolvers<Response>()
  let sink: Sink | undefined
  let writer: Writer | undefined

  function begin(): Writer {
    if (writer) return writer
    const opened = open()
    sink = opened.sink
    writer = createWriter(sink, onBlocked)
    respond(opened.response)
    return writer
  }
  function send(frames: string): void | Promise<void> {
    const drained = frames === '' ? undefined : begin().write(frames)
    timer.schedule(core.due)
    return drained
  }
  function onBatch(batch: Batch): void | Promise<void> {
    const drained = send(core.push(batch, now()))
    // If the encoder failed, the upstream has to stop.
    if (core.ended?.how === 'failed') stream.stop()
    return drained
  }
  function onBlocked(isBlocked: boolean) {
    core.blocked(isBlocked, now())
    timer.schedule(core.due)
  }
  function onAbort() {
    if (signal.reason instanceof ServiceError) void send(core.end(signal.reason))
    else core.leave()
  }
  function onTimer() {
    const wasEnded = core.ended
    void send(core.tick(now()))
    if (core.ended === wasEnded) return
    if (core.ended?.how === 'stalled') sink?.cut() // at once, because nobody takes what waits
    stream.stop() // the upstream has to stop after a deadline
  }
  const timer = createTimer(now, onTimer)

  return {
    response,
    waiting(state) {
      void send(core.waiting(state, now()))
    },
    async run(pending) {
      let generation: Generation | undefined
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      timer.schedule(core.due)
      try {
        generation = await pending
        await generation.flow(onBatch)
        void send(core.end(undefined))
      } catch (error) {
        void send(core.end(error))
      } finally {
        signal.removeEventListener('abort', onAbort)
        const ended = core.ended!
        generation?.close(ended)
        if (ended.how === 'done') begin() // an answer without a frame is an answer too
        if (writer) await finish(writer, ended.how)
        else if (ended.how === 'failed') respond(refuse(ended.error))
        else respond(new Response(null, { status: 499 })) // nobody is there to read it
        timer.stop()
      }
      return { ended: core.ended!, tally: core.tally, startedAt, bytes: sink?.bytesWritten ?? 0 }
    },
  }

  async function finish({ end, cut }: Writer, how: Outcome['ended']['how']) {
    if (how === 'left') void sink!.end()
    else if (core.mustBreak) await cut()
    else await end()
  }
}
