import type { Encoder } from '../encoders/encoder.ts'
import { ServiceError, toServiceError, truncated } from '../errors.ts'
import type { Batch, Ended, GenerationEvent, OllamaChunk, Waiting } from '../generation.ts'

/**
 * The time limits of one stream, in milliseconds (docs/protocol.md#2-native and
 * docs/protocol.md#8-configuration). 0 turns a limit off, except that a `graceMs` of 0 opens the
 * response immediately.
 */
export interface Deadlines {
  /**
   * How long an SSE response waits for its first event before it opens. Until then, a failure gets
   * its real HTTP status. If it is negative, the response opens before anything can fail.
   */
  graceMs: number
  heartbeatMs: number
  firstTokenMs: number
  idleMs: number
  totalMs: number
  stallMs: number
}

export interface CoreOptions {
  encoder: Encoder
  requestId: string
  deadlines: Deadlines
  /** How many bytes the encoder may buffer before it writes. */
  maxBytes: number
  now: number
}

/** The counts and times of a stream, for the access log. */
export interface Tally {
  firstDeltaAt: number | undefined
  deltas: number
  /** The parsed last line of Ollama's answer. It contains the token counts. */
  done: OllamaChunk | undefined
}

/**
 * The state machine of one stream, without I/O. The caller reports what happened and when, and gets
 * the frames that must be sent now. `due` is the time at which `tick` is needed next. `ended` is
 * the outcome, once the stream has ended. `now` is the time of a monotonic clock in milliseconds.
 */
export interface Core {
  /**
   * Reports what the stream waits for before its first event. Undefined cancels the previous state.
   * If the encoder has a frame for states, the latest state is sent once the response is open. A
   * state never opens the response early, so that a failure can still get its real HTTP status.
   */
  waiting(state: Waiting | undefined, now: number): string
  push(batch: Batch, now: number): string
  /**
   * Reports that the source ended. `error` is the error that broke the source, or undefined if the
   * source ended cleanly.
   */
  end(error: unknown): string
  /** Reports that the reader has disconnected. Nothing is sent after that. */
  leave(): void
  /**
   * Returns the frames that are due: the opening, a status, a heartbeat, or the failure after a
   * deadline.
   */
  tick(now: number): string
  /**
   * Reports whether the sink is full because the reader is slow. While the sink is full, no
   * heartbeat is sent, and the stall deadline runs.
   */
  blocked(isBlocked: boolean, now: number): void
  /**
   * When `tick` is needed next. The time may be too early, because it is not updated when a token
   * only postpones the deadlines. The time is never too late.
   */
  readonly due: number
  readonly ended: Ended | undefined
  /**
   * Whether the response must be cut, because the stream failed and the encoder has no frame for a
   * failure.
   */
  readonly mustBreak: boolean
  readonly tally: Readonly<Tally>
}

/** The shortest time between two status frames, in milliseconds. */
const statusMs = 1000

/**
 * Creates the core of one stream. The stream ends at the first of these: Ollama's `done`, an error
 * of Ollama, a truncated source, a deadline, or an abort. No frame follows the end. Only a stall
 * can still change the outcome then: if the reader does not read the last frames in time, the
 * outcome becomes `stalled`.
 */
export function createCore({ encoder, requestId, deadlines, maxBytes, now: startedAt }: CoreOptions): Core {
  let encoded = ''
  const encode = encoder.start({ requestId, maxBytes, emit: (frame) => void (encoded += frame) })
  const tally: Tally = { firstDeltaAt: undefined, deltas: 0, done: undefined }
  let isCommitted = false
  let lastInAt = startedAt
  let lastOutAt = startedAt
  let blockedSince: number | undefined
  let lastStatus: Waiting | undefined
  let lastStatusAt = startedAt - statusMs
  let pendingStatus: Waiting | undefined

  const dueAt = (from: number, ms: number) => (ms === 0 ? Infinity : from + ms)
  const isBlocked = () => blockedSince !== undefined
  const stallAt = () => (blockedSince === undefined ? Infinity : dueAt(blockedSince, deadlines.stallMs))
  const totalAt = () => dueAt(startedAt, deadlines.totalMs)
  const openingAt = () => (isCommitted || encoder.opening === '' ? Infinity : startedAt + deadlines.graceMs)
  const heartbeatAt = () =>
    isCommitted && !isBlocked() && encoder.heartbeat !== '' ? dueAt(lastOutAt, deadlines.heartbeatMs) : Infinity
  const statusAt = () => (isCommitted && !isBlocked() && pendingStatus !== undefined ? lastStatusAt + statusMs : Infinity)
  /** While the sink is full, nothing is read from Ollama, so this deadline does not run. */
  const firstTokenAt = () =>
    tally.firstDeltaAt === undefined && !isBlocked() ? dueAt(startedAt, deadlines.firstTokenMs) : Infinity
  const idleAt = () => (tally.firstDeltaAt !== undefined && !isBlocked() ? dueAt(lastInAt, deadlines.idleMs) : Infinity)

  /**
   * Must be called after every change that may make `due` earlier. Most tokens need no call,
   * because they only make `due` later.
   */
  function schedule() {
    core.due = core.ended
      ? stallAt()
      : Math.min(stallAt(), totalAt(), firstTokenAt(), idleAt(), openingAt(), statusAt(), heartbeatAt())
  }

  /** Called when a frame is sent. Returns the opening if nothing was sent before. */
  function commit(now: number): string {
    lastOutAt = now
    if (isCommitted) return ''
    isCommitted = true
    schedule()
    return encoder.opening
  }

  function flushStatus(now: number): string {
    if (now < statusAt()) return ''
    lastStatus = pendingStatus
    pendingStatus = undefined
    lastStatusAt = now
    return commit(now) + encoder.toStatus!(lastStatus!, Math.round(now - startedAt))
  }

  function toFrames(batch: Batch): string {
    try {
      encode(batch)
      return encoded
    } finally {
      encoded = '' // otherwise the text would move to V8's old space (docs/hazards.md#90)
    }
  }

  function finish(outcome: Ended) {
    core.ended = outcome
    core.mustBreak = outcome.how === 'failed' && isCommitted && encoder.failure === 'cut'
    schedule()
  }

  function fail(error: ServiceError, event: GenerationEvent = { type: 'failed', error }): string {
    finish({ how: 'failed', error })
    return isCommitted ? toFrames([event]) : ''
  }

  function count(batch: Batch, now: number) {
    const last = batch.at(-1)
    if (last?.type === 'done') tally.done = last.chunk
    tally.deltas += last?.type === 'done' ? batch.length - 1 : batch.length
    if (tally.firstDeltaAt !== undefined) return
    tally.firstDeltaAt = now
    pendingStatus = undefined
    schedule()
  }

  function timeOut(code: 'first_token_timeout' | 'idle_timeout' | 'total_timeout', reason: string, limitMs: number): string {
    return fail(new ServiceError(code, `Ollama ${reason} ${limitMs / 1000} s`))
  }

  function toDue(now: number): string {
    if (now >= totalAt()) return timeOut('total_timeout', 'did not finish within', deadlines.totalMs)
    if (now >= firstTokenAt()) return timeOut('first_token_timeout', 'sent no token within', deadlines.firstTokenMs)
    if (now >= idleAt()) return timeOut('idle_timeout', 'fell silent for', deadlines.idleMs)
    if (now >= openingAt()) return commit(now) + flushStatus(now)
    if (now >= statusAt()) return flushStatus(now)
    return now >= heartbeatAt() ? commit(now) + encoder.heartbeat : ''
  }

  // `due`, `ended` and `mustBreak` are fields and not getters, because V8 stores an object that is
  // written with getters as a hash table. That is slower, and takes 1 KB more.
  const core: { -readonly [Field in keyof Core]: Core[Field] } = {
    due: 0,
    ended: undefined,
    mustBreak: false,
    tally,
    waiting(state, now) {
      if (core.ended || tally.firstDeltaAt !== undefined || !encoder.toStatus) return ''
      pendingStatus = state === lastStatus ? undefined : state
      const frames = flushStatus(now)
      schedule()
      return frames
    },
    push(batch, now) {
      if (core.ended) return ''
      lastInAt = now
      const last = batch.at(-1)
      const events = last?.type === 'failed' ? batch.slice(0, -1) : batch
      let frames = ''
      try {
        if (events.length > 0) {
          count(events, now)
          frames = toFrames(events)
          if (frames !== '') frames = commit(now) + frames
        }
      } catch (error) {
        return fail(toServiceError(error))
      }
      if (last?.type === 'done') finish({ how: 'done' })
      else if (last?.type === 'failed') frames += fail(last.error, last)
      return frames
    },
    end(error) {
      if (core.ended) return ''
      return fail(error === undefined ? truncated() : toServiceError(error))
    },
    leave() {
      if (!core.ended) finish({ how: 'left' })
    },
    tick(now) {
      if (now >= stallAt()) {
        blockedSince = undefined
        finish({ how: 'stalled' })
      }
      const frames = core.ended ? '' : toDue(now)
      schedule()
      return frames
    },
    blocked(isNowBlocked, now) {
      blockedSince = isNowBlocked ? now : undefined
      lastInAt = now
      schedule()
    },
  }
  schedule()
  return core
}
