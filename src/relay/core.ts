import type { Encoder } from '../encoders/encoder.ts'
import { ServiceError, toServiceError, truncated } from '../errors.ts'
import type { Batch, Ended, GenerationEvent, OllamaChunk, Waiting } from '../generation.ts'

/**
 * The limits of one stream, in milliseconds; 0 = off (docs/protocol.md#2-native and
 * docs/protocol.md#8-configuration). A `graceMs` of 0 is different, because it opens the response
 * at once.
 */
export interface Deadlines {
  /** How long a failure may still have its real status. Then SSE opens. */
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
  /** How many bytes the encoder may gather before it writes. */
  maxBytes: number
  now: number
}

/** What the access log says about a stream. */
export interface Tally {
  firstDeltaAt: number | undefined
  deltas: number
  /** Ollama's last line, which has Ollama's own counts. */
  done: OllamaChunk | undefined
}

/**
 * The life of one stream as rules without I/O. Each call says what happened and when, and returns
 * the frames that must go out now. `due` is the time at which `tick` is needed next, and `ended`
 * says how the stream ended. `now` is milliseconds of a monotonic clock.
 */
export interface Core {
  /**
   * What the stream waits for before its first event; undefined cancels the last state. If the
   * encoder has a frame for it, the latest state goes out once the response is open. A state never
   * opens the response early, because a failure may still have its real status.
   */
  waiting(state: Waiting | undefined, now: number): string
  push(batch: Batch, now: number): string
  /**
   * The source ended. `error` is what broke the source; undefined if the source ended by itself.
   */
  end(error: unknown): string
  /** Call this when the reader has left. Nothing goes out after that. */
  leave(): void
  /** Returns what is due: the opening, a status, a heartbeat, or a deadline's terminal. */
  tick(now: number): string
  /**
   * Whether the reader still has to take what was written. Meanwhile there is no heartbeat, and
   * the stall clock runs.
   */
  blocked(isBlocked: boolean, now: number): void
  /**
   * When `tick` is needed next. The time may be too early, because a token only moves deadlines
   * away. It is never too late.
   */
  readonly due: number
  readonly ended: Ended | undefined
  /**
   * Whether the response has to break, because the stream failed and the framing has no frame for
   * a failure.
   */
  readonly mustBreak: boolean
  readonly tally: Readonly<Tally>
}

/** The shortest time between two statuses that say what a reader waits for. */
const statusMs = 1000

/**
 * The first terminal wins, and nothing follows it. Its cause may be Ollama's `done`, Ollama's
 * error, truncation, a deadline or a signal. Only a stall can follow, because a reader that does
 * not take the terminal is cut as well.
 */
export function createCore({ encoder, requestId, deadlines, maxBytes, now: startedAt }: CoreOptions): Core {
  let encoded = ''
  const encode = encoder.start({ requestId, maxBytes, emit: (frame) => void (encoded += frame) })
  const tally: Tally = { firstDeltaAt: undefined, deltas: 0, done: undefined }
  let ended: Ended | undefined
  let isCommitted = false
  let lastInAt = startedAt
  let lastOutAt = startedAt
  let blockedSince: number | undefined
  let lastStatus: Waiting | undefined
  let lastStatusAt = startedAt - statusMs
  let pendingStatus: Waiting | undefined
  let due = 0

  const dueAt = (from: number, ms: number) => (ms === 0 ? Infinity : from + ms)
  const isBlocked = () => blockedSince !== undefined
  const stallAt = () => (blockedSince === undefined ? Infinity : dueAt(blockedSince, deadlines.stallMs))
  const totalAt = () => dueAt(startedAt, deadlines.totalMs)
  const openingAt = () => (isCommitted || encoder.opening === '' ? Infinity : startedAt + deadlines.graceMs)
  const heartbeatAt = () =>
    isCommitted && !isBlocked() && encoder.heartbeat !== '' ? dueAt(lastOutAt, deadlines.heartbeatMs) : Infinity
  const statusAt = () => (isCommitted && !isBlocked() && pendingStatus !== undefined ? lastStatusAt + statusMs : Infinity)
  /** While the reader is full we do not read, so Ollama's silence does not count. */
  const firstTokenAt = () =>
    tally.firstDeltaAt === undefined && !isBlocked() ? dueAt(startedAt, deadlines.firstTokenMs) : Infinity
  const idleAt = () => (tally.firstDeltaAt !== undefined && !isBlocked() ? dueAt(lastInAt, deadlines.idleMs) : Infinity)

  /** Called after everything that may bring `due` nearer, and so not after every token. */
  function schedule() {
    due = ended ? stallAt() : Math.min(stallAt(), totalAt(), firstTokenAt(), idleAt(), openingAt(), statusAt(), heartbeatAt())
  }

  /** Called when something goes out. Returns the opening, if nothing went out before. */
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
    encoded = ''
    encode(batch)
    return encoded
  }

  function finish(outcome: Ended) {
    ended = outcome
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

  schedule()
  return {
    waiting(state, now) {
      if (ended || tally.firstDeltaAt !== undefined || !encoder.toStatus) return ''
      pendingStatus = state === lastStatus ? undefined : state
      const frames = flushStatus(now)
      schedule()
      return frames
    },
    push(batch, now) {
      if (ended) return ''
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
      if (ended) return ''
      return fail(error === undefined ? truncated() : toServiceError(error))
    },
    leave() {
      if (!ended) finish({ how: 'left' })
    },
    tick(now) {
      if (now >= stallAt()) {
        blockedSince = undefined
        finish({ how: 'stalled' })
      }
      const frames = ended ? '' : toDue(now)
      schedule()
      return frames
    },
    blocked(isNowBlocked, now) {
      blockedSince = isNowBlocked ? now : undefined
      lastInAt = now
      schedule()
    },
    get due() {
      return due
    },
    get ended() {
      return ended
    },
    get mustBreak() {
      return ended?.how === 'failed' && isCommitted && encoder.failure === 'cut'
    },
    tally,
  }
}
