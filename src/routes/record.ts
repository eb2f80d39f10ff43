import type { Context } from 'hono'
import type { GenerationPlan } from '../dialects/dialect.ts'
import { refused } from '../dialects/refusals.ts'
import { toResumeSeconds } from '../encoders/prefer.ts'
import type { Encoder } from '../encoders/encoder.ts'
import type { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import { toLimitKey } from '../middleware/limit-guard.ts'
import type { Open } from '../relay/sink.ts'
import { createStream, type Outcome, type Stream } from '../relay/stream.ts'
import type { Streams } from '../relay/streams.ts'
import { createRecorder, type Recorder } from '../streams/recorder.ts'
import type { OwnRun, Runs } from '../streams/runs.ts'
import type { Attach } from './attach.ts'
import { startStream } from './start-stream.ts'

/** Where the frames of a generation go. */
export interface Answer {
  readonly stream: Stream
  readonly encoder: Encoder
  /** The response must wait for this, so that its reader can resume at any process. */
  readonly published?: Promise<void> | undefined
  /** Whether the generation goes on without a reader now. By default it never does. */
  isDetached?(): boolean
  open(headers: Readonly<Record<string, string>>): ReturnType<Open>
  /**
   * Called if the answer fails before its first frame. Returns the response, or undefined to answer
   * with the error's own status.
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

/** How long a finished background run is kept, in milliseconds. OpenAI keeps it as long. */
const backgroundKeepMs = 600_000

/** Returns how many seconds the answer may go on without a reader. 0 if nothing was asked for. */
function toSeconds(c: Context<Env>, { background, encoder, isTooLargeToKeep }: GenerationPlan, maxSeconds: number): number {
  const canResume = !background && !isTooLargeToKeep && encoder.contentType === 'text/event-stream'
  return canResume ? toResumeSeconds(c.req.header('prefer'), maxSeconds) : 0
}

/** Whether the request asks for a run. */
export function asksForRun(c: Context<Env>, plan: GenerationPlan, maxSeconds: number): boolean {
  return plan.background !== undefined || toSeconds(c, plan, maxSeconds) > 0
}

/**
 * Starts a run if the request asks for one. The reader of the request is the first viewer of the
 * run. If that reader leaves, the generation goes on.
 * @throws ServiceError if all streams are in use or the server shuts down; `not_supported` or
 * `rate_limited` if the request asks for a background run and there can be none
 */
export function record(c: Context<Env>, plan: GenerationPlan, options: RecordOptions): Answer | undefined {
  const { streams, runs, attach, maxSeconds, address } = options
  const { background, chat, encoder } = plan
  if (!asksForRun(c, plan, maxSeconds)) return undefined
  const seconds = toSeconds(c, plan, maxSeconds)
  const { requestId, principal, entry } = c.var
  let stream: Stream | undefined
  const run = runs.start({
    owner: principal.name,
    caller: toLimitKey(c, address),
    requestId,
    encoder,
    graceMs: background ? undefined : seconds * 1000,
    ...(background && { keepMs: backgroundKeepMs, toQueued: background.toQueued }),
    ...(chat !== undefined && { chat }),
    stop: (error) => stream?.stop(error),
  })
  if (!run) {
    if (background) throw refused('background', 'background')
    return undefined
  }
  try {
    stream = startStream(c, streams, new AbortController().signal)
  } catch (error) {
    run.finish()
    throw error
  }
  const { leave: stopRun, end } = stream
  const recorder = createRecorder(encoder, run, background && run.log.id)
  if (background && c.req.raw.signal.aborted) void run.remove() // nobody has the id, so nobody can come back
  if (background && !background.isStream)
    return answerWithState(c, { run, stream, recorder, state: background.toQueued(run.log.id) })
  const reader = createStream({ requestId, principal: principal.name, signal: c.req.raw.signal })
  const leave = run.join()
  const viewed = Promise.withResolvers<number>()

  /**
   * Before the head is sent, this reader does not know the id of the run, and could not come back.
   * Others may know it from the list of runs.
   */
  function onReaderLeft() {
    if (recorder.viewer) return
    leave()
    if (chat === undefined && !background && run?.life.isDetached) stopRun()
    viewed.resolve(0)
  }
  reader.signal.addEventListener('abort', onReaderLeft)
  if (reader.signal.aborted) onReaderLeft()

  const open: Answer['open'] = (headers) => {
    const preferences = [headers['preference-applied'], !background && `resume=${seconds}`].filter(Boolean)
    const { response, viewer } = attach(c, {
      run,
      after: -1,
      stream: reader,
      leave,
      headers: { ...headers, ...(preferences.length > 0 && { 'preference-applied': preferences.join(', ') }) },
      onEnd: (_end, bytes) => viewed.resolve(bytes),
    })
    recorder.viewer = viewer
    return { response, sink: recorder.sink }
  }

  return {
    stream,
    encoder: recorder.encoder,
    published: run.published,
    isDetached: toIsDetached(run),
    open,
    refuse(error) {
      if (chat === undefined && run.life.viewers === 1) return undefined
      // Others may read this answer already, so the log needs the terminal.
      recorder.encoder.start({ requestId, maxBytes: Infinity, emit() {} })([{ type: 'failed', error }])
      run.finish()
      return chat !== undefined && error.code === 'cancelled' ? open({}).response : undefined
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

/**
 * This is a separate function, because its closure lives as long as the stream and must not keep
 * the request in memory (docs/hazards.md#81).
 */
function toIsDetached({ life }: OwnRun): () => boolean {
  return () => life.isDetached
}

interface StateOptions {
  readonly run: OwnRun
  readonly stream: Stream
  readonly recorder: Recorder
  readonly state: object
}

/** Answers the request of a background run with the state of the run. The run has no viewer yet. */
function answerWithState(c: Context<Env>, { run, stream, recorder, state }: StateOptions): Answer {
  const { entry } = c.var
  const bytes = new TextEncoder().encode(JSON.stringify(state))
  return {
    stream,
    encoder: recorder.encoder,
    published: run.published,
    isDetached: toIsDetached(run),
    open: (headers) => ({
      response: c.body(bytes, 200, { ...headers, 'content-type': 'application/json' }),
      sink: recorder.sink,
    }),
    finish(outcome) {
      run.finish()
      entry.viewers = run.life.viewers
      entry.detached_ms = Math.round(run.life.detachedMs)
      stream.end({ ...outcome, bytes: bytes.byteLength })
    },
  }
}
