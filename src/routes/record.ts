import type { Context } from 'hono'
import type { GenerationPlan } from '../dialects/dialect.ts'
import { toResumeSeconds } from '../encoders/prefer.ts'
import type { Encoder } from '../encoders/encoder.ts'
import type { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import { toLimitKey } from '../middleware/limit-guards.ts'
import type { Open } from '../relay/sink.ts'
import { createStream, type Outcome, type Stream } from '../relay/stream.ts'
import type { Streams } from '../relay/streams.ts'
import { createRecorder } from '../streams/recorder.ts'
import type { Runs } from '../streams/runs.ts'
import type { Attach } from './attach.ts'
import { startStream } from './start-stream.ts'

/** Where the frames of a generation go. */
export interface Answer {
  readonly stream: Stream
  readonly encoder: Encoder
  open(headers: Readonly<Record<string, string>>): ReturnType<Open>
  /**
   * Called if the answer fails before its first frame. Returns the response, or undefined if the
   * response is the error with its status.
   */
  refuse?(error: ServiceError): Response | undefined
  /** Call this when the generation is over. */
  finish(outcome: Outcome): void
}

export interface RecordOptions {
  streams: Streams
  runs: Runs
  attach: Attach
  /** The longest time that a stream may go on without a reader, in seconds. */
  maxSeconds: number
  address: (c: Context) => string
}

/**
 * Starts a run if the request asks for one and the answer is an event stream. The reader of the
 * request is the first viewer of the run. If that reader leaves, the generation goes on.
 * @throws ServiceError if all streams are in use or the server shuts down
 */
export function record(c: Context<Env>, plan: GenerationPlan, options: RecordOptions): Answer | undefined {
  const { streams, runs, attach, maxSeconds, address } = options
  const seconds = toResumeSeconds(c.req.header('prefer'), maxSeconds)
  if (seconds === 0 || plan.encoder.contentType !== 'text/event-stream') return undefined
  const { requestId, principal, entry } = c.var
  const { chat } = plan
  let stream: Stream | undefined
  const run = runs.start({
    owner: principal.name,
    caller: toLimitKey(c, address),
    requestId,
    encoder: plan.encoder,
    graceMs: seconds * 1000,
    ...(chat !== undefined && { chat }),
    stop: (error) => stream?.stop(error),
  })
  if (!run) return undefined
  try {
    stream = startStream(c, streams, new AbortController().signal)
  } catch (error) {
    run.finish()
    throw error
  }
  const { leave: leaveStream, end } = stream
  const recorder = createRecorder(plan.encoder, run)
  const reader = createStream({ requestId, principal: principal.name, signal: c.req.raw.signal })
  const leave = run.join()
  const viewed = Promise.withResolvers<number>()

  /** Before the head is sent, nobody knows the id of the run. So nobody could come back to it. */
  function onLeave() {
    if (recorder.viewer) return
    leave()
    if (chat === undefined) leaveStream()
    viewed.resolve(0)
  }
  reader.signal.addEventListener('abort', onLeave)
  if (reader.signal.aborted) onLeave()

  const open: Answer['open'] = (headers) => {
    const applied = [headers['preference-applied'], `resume=${seconds}`].filter(Boolean).join(', ')
    const { response, viewer } = attach(c, {
      run,
      after: -1,
      stream: reader,
      leave,
      headers: { ...headers, 'preference-applied': applied },
      onEnd: (_end, bytes) => viewed.resolve(bytes),
    })
    recorder.viewer = viewer
    return { response, sink: recorder.sink }
  }

  return {
    stream,
    encoder: recorder.encoder,
    open,
    refuse(error) {
      if (chat === undefined) return undefined
      // Other tabs may read this chat already, so the log needs the terminal.
      recorder.encoder.start({ requestId, maxBytes: Infinity, emit() {} })([{ type: 'failed', error }])
      run.finish()
      return error.code === 'cancelled' ? open({}).response : undefined
    },
    finish(outcome) {
      run.finish()
      if (!recorder.viewer) {
        leave(!reader.signal.aborted) // the response had the error
        viewed.resolve(0)
      }
      void viewed.promise.then((bytes) => {
        reader.end()
        entry.viewers = run.life.viewers
        entry.detached_ms = Math.round(run.life.detachedMs)
        end({ ...outcome, bytes })
      })
    },
  }
}
