import type { Encoder } from '../encoders/encoder.ts'
import { ServiceError, toServiceError, truncated } from '../errors.ts'
import type { Batch, Ended, OllamaChunk } from '../generation.ts'

/** The limits of one stream, each in milliseconds and 0 = off; but `graceMs` 0 opens at once (docs/protocol.md §2 and §8). */
export interface Deadlines {
  /** How long a failure may still have its real status: then SSE opens. */
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
  /** How much the encoder may gather before it writes. */
  maxBytes: number
  now: number
}

/** What the access log tells of a stream. */
export interface Tally {
  firstDeltaAt: number | undefined
  deltas: number
  last: OllamaChunk | undefined
}

/**
 * The life of one stream as rules without I/O. Every call tells what happened and when, and gives the frames that must go out now;
 * `due` is when `tick` is next needed, and `ended` how it ended. `now` is milliseconds of a monotonic clock.
 */
export interface Core {
  push(batch: Batch, now: number): string
  /** The source ended: undefined = by itself, else the error that broke it. */
  end(error: unknown, now: number): string
  /** The reader left: nothing goes out any more. */
  leave(): void
  /** Opening, heartbeat, or a deadline's terminal. */
  tick(now: number): string
  /** Whether the reader has not taken yet what was written: no heartbeat meanwhile, and the stall clock runs. */
  full(isFull: boolean, now: number): void
  readonly due: number
  readonly ended: Ended | undefined
  readonly tally: Readonly<Tally>
}

/**
 * The first terminal wins and nothing follows it, whatever its cause: Ollama's `done`, its error, truncation, a deadline, a signal. Only
 * a stall can follow it: a reader that does not take the terminal is cut as well.
 */
export function createCore({ encoder, requestId, deadlines, maxBytes, now: startedAt }: CoreOptions): Core {
  const encode = encoder.start({ requestId, maxBytes })
  const tally: Tally = { firstDeltaAt: undefined, deltas: 0, last: undefined }
  let ended: Ended | undefined
  let isCommitted = false
  let lastInAt = startedAt
  let lastOutAt = startedAt
  let fullSince: number | undefined

  const at = (from: number, ms: number) => (ms === 0 ? Infinity : from + ms)
  const isFull = () => fullSince !== undefined
  const stallAt = () => (fullSince === undefined ? Infinity : at(fullSince, deadlines.stallMs))
  const totalAt = () => at(startedAt, deadlines.totalMs)
  const openingAt = () => (isCommitted || encoder.opening === '' ? Infinity : startedAt + deadlines.graceMs)
  const heartbeatAt = () =>
    isCommitted && !isFull() && encoder.heartbeat !== '' ? at(lastOutAt, deadlines.heartbeatMs) : Infinity
  /** While the reader is full we do not read: Ollama's silence is of our making then. */
  const firstTokenAt = () => (tally.firstDeltaAt === undefined && !isFull() ? at(startedAt, deadlines.firstTokenMs) : Infinity)
  const idleAt = () => (tally.firstDeltaAt !== undefined && !isFull() ? at(lastInAt, deadlines.idleMs) : Infinity)

  /** What goes out, the opening before anything else. */
  function commit(frames: string, now: number): string {
    if (frames === '') return ''
    lastOutAt = now
    if (isCommitted) return frames
    isCommitted = true
    return encoder.opening + frames
  }

  function fail(error: ServiceError, now: number): string {
    ended = { how: 'failed', error }
    return isCommitted ? commit(encode([{ type: 'failed', error }]), now) : ''
  }

  function count(batch: Batch, now: number) {
    for (const event of batch) {
      if (event.type === 'failed') return
      if (event.type === 'delta') tally.deltas++
      tally.firstDeltaAt ??= now
      tally.last = event.chunk
    }
  }

  function late(
    code: 'first_token_timeout' | 'idle_timeout' | 'total_timeout',
    what: string,
    limitMs: number,
    now: number,
  ): string {
    return fail(new ServiceError(code, `Ollama ${what} ${limitMs / 1000} s`), now)
  }

  return {
    push(batch, now) {
      if (ended) return ''
      lastInAt = now
      const end = batch.findIndex(({ type }) => type !== 'delta')
      const terminal = batch[end]
      const live = end === -1 ? batch : batch.slice(0, terminal?.type === 'done' ? end + 1 : end)
      count(live, now)
      let frames = ''
      try {
        if (live.length > 0) frames = commit(encode(live), now)
      } catch (error) {
        return fail(toServiceError(error), now)
      }
      if (terminal?.type === 'done') ended = { how: 'done' }
      if (terminal?.type === 'failed') frames += fail(terminal.error, now)
      return frames
    },
    end(error, now) {
      if (ended) return ''
      return fail(error === undefined ? truncated() : toServiceError(error), now)
    },
    leave() {
      ended ??= { how: 'left' }
    },
    tick(now) {
      if (now >= stallAt()) {
        ended = { how: 'stalled' }
        fullSince = undefined
      }
      if (ended) return ''
      if (now >= totalAt()) return late('total_timeout', 'did not finish within', deadlines.totalMs, now)
      if (now >= firstTokenAt()) return late('first_token_timeout', 'sent no token within', deadlines.firstTokenMs, now)
      if (now >= idleAt()) return late('idle_timeout', 'fell silent for', deadlines.idleMs, now)
      if (now >= openingAt()) {
        isCommitted = true
        lastOutAt = now
        return encoder.opening
      }
      return now >= heartbeatAt() ? commit(encoder.heartbeat, now) : ''
    },
    full(isNowFull, now) {
      fullSince = isNowFull ? now : undefined
      lastInAt = now
    },
    get due() {
      if (ended) return stallAt()
      return Math.min(stallAt(), totalAt(), firstTokenAt(), idleAt(), openingAt(), heartbeatAt())
    },
    get ended() {
      return ended
    },
    tally,
  }
}
