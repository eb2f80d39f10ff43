import { ServiceError } from '../errors.ts'
import type { Batch, Waiting } from '../generation.ts'
import type { Generation } from '../upstreams/upstream.ts'
import { createCore, type CoreOptions } from './core.ts'
import type { Sink } from './sink.ts'
import type { Outcome, Progress, Stream } from './stream.ts'
import { createTimer } from './timer.ts'
import { createWriter, type Writer } from './writer.ts'

export interface RelayOptions extends Omit<CoreOptions, 'now' | 'requestId'> {
  stream: Stream
  now: () => number
  /** Opens the response. Called once, before the first frames are written. */
  open(): { response: Response; sink: Sink }
  /** Makes the response of a stream that fails before its first frame. */
  refuse(error: ServiceError): Response
}

export interface Relay {
  /**
   * Tells the reader what the generation waits for. This is the callback for
   * `CallContext.onWaiting`.
   */
  waiting(state: Waiting | undefined): void
  /**
   * Sends a generation to the reader. Call this once. If the signal of the stream aborts, the
   * answer ends early. The parameter is a promise and not a function, because a function would keep
   * the request body in memory for the whole stream. The returned promise never rejects. It
   * resolves when the reader has received everything or has disconnected.
   */
  run(generation: Promise<Generation>): Promise<Outcome>
  /**
   * Resolves with the streaming response when the first frames are written. If the stream fails
   * before that, resolves with the response of `refuse`.
   */
  readonly response: Promise<Response>
  /** How far the generation has come. */
  readonly progress: Progress
}

/**
 * Creates the asynchronous part of a stream. It passes the events of the upstream to the core,
 * writes the frames of the core to the sink, and runs one timer. The core decides what is sent and
 * when the stream ends.
 */
export function createRelay({ stream, now, open, refuse, ...rules }: RelayOptions): Relay {
  const { signal } = stream
  const startedAt = now()
  const core = createCore({ ...rules, requestId: stream.requestId, now: startedAt })
  const progress: { -readonly [Field in keyof Progress]: Progress[Field] } = {
    waiting: undefined,
    tally: core.tally,
    startedAt,
  }
  const { promise: response, resolve: respond } = Promise.withResolvers<Response>()
  /**
   * Dropped when the response is known, because it keeps the request and the response in memory.
   */
  let answer: (Pick<RelayOptions, 'open' | 'refuse'> & { respond: typeof respond }) | undefined = { open, refuse, respond }
  let sink: Sink | undefined
  let writer: Writer | undefined

  function begin(): Writer {
    if (writer) return writer
    const opened = answer!.open()
    sink = opened.sink
    writer = createWriter(sink, onBlocked)
    answer!.respond(opened.response)
    answer = undefined
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
    if (core.ended?.how === 'stalled') sink?.cut() // immediately, because the reader reads nothing
    stream.stop() // the upstream has to stop after a deadline
  }
  const timer = createTimer(now, onTimer)

  return {
    response,
    progress,
    waiting(state) {
      progress.waiting = state
      void send(core.waiting(state, now()))
    },
    async run(pending) {
      let generation: Generation | undefined
      signal.addEventListener('abort', onAbort)
      if (core.due < startedAt) void send(core.tick(startedAt)) // the grace is negative
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
        if (ended.how === 'done') begin() // an answer without frames needs a response, too
        if (writer) await finish(writer, ended.how)
        else if (ended.how === 'failed') answer!.respond(answer!.refuse(ended.error))
        else answer!.respond(new Response(null, { status: 499 })) // the reader has disconnected
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
