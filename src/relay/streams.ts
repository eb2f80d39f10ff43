import { ServiceError } from '../errors.ts'
import type { Waiting } from '../generation.ts'
import { createStream, type Stream, type StreamRequest } from './stream.ts'

/** A generation that runs now. It has nothing of its prompt and its answer. */
export interface OpenStream {
  readonly requestId: string
  /** The name of the caller's key. It is empty if there are no keys. */
  readonly principal: string
  readonly surface: string | undefined
  /** The model as the request names it. Undefined if the request leaves the choice to Sluice. */
  readonly model: string | undefined
  /** The name of the Ollama, once it is known. Undefined if there is only one. */
  readonly host: string | undefined
  /**
   * `waiting`: there is no token yet, and it is not known why. `detached`: the generation goes on
   * without a reader.
   */
  readonly state: Waiting | 'waiting' | 'streaming' | 'detached'
  /** The pieces of text so far, which are about as many as the tokens. */
  readonly tokens: number
  /** When it started and when its first token came, in milliseconds of the app's clock. */
  readonly startedAt: number
  readonly firstTokenAt: number | undefined
}

/**
 * The open streams. Their number is limited. Another request can cancel a stream, and a drain ends
 * all streams before the process exits.
 */
export interface Streams {
  /**
   * Starts the stream of a request. The stream counts against the limit until it has ended.
   * @throws ServiceError `too_many_streams`, `shutting_down` once a drain has begun, or
   * `unauthorized` if the principal is not valid any more
   */
  start(request: StreamRequest): Stream
  /** Cancels every stream with this request id and principal. Returns false if there is none. */
  cancel(request: Pick<StreamRequest, 'requestId' | 'principal'>): boolean
  /** Ends every stream of these principals with `unauthorized`. */
  revoke(principals: ReadonlySet<string>): void
  /** Returns the generations that run now, the oldest first. */
  list(): readonly OpenStream[]
  /**
   * Rejects new streams and waits until the open streams end. After `graceMs`, ends the remaining
   * streams with `shutting_down`.
   */
  drain(graceMs: number): Promise<void>
  readonly isDraining: boolean
}

export interface StreamsOptions {
  max: number
  /**
   * Whether a principal is still valid. It may have been revoked since its request came, for
   * example while the body was read.
   */
  isValid?: (principal: string) => boolean
}

export function createStreams({ max, isValid = () => true }: StreamsOptions): Streams {
  const open = new Set<Stream>()
  let isDraining = false

  return {
    start(request) {
      if (isDraining) throw shuttingDown()
      if (!isValid(request.principal)) throw revoked()
      if (open.size >= max)
        throw new ServiceError('too_many_streams', `All ${max} streams of this server are in use; try again in 5 s`, {
          retryAfterSeconds: 5,
        })
      const stream = createStream(request)
      open.add(stream)
      void stream.ended.then(() => open.delete(stream))
      return stream
    },
    cancel({ requestId, principal }) {
      const found = [...open].filter((stream) => stream.requestId === requestId && stream.principal === principal)
      for (const { fail } of found) fail(new ServiceError('cancelled', 'The answer was cancelled by its request id'))
      return found.length > 0
    },
    revoke(principals) {
      for (const { principal, fail } of open) if (principals.has(principal)) fail(revoked())
    },
    list: () => Array.from(open).flatMap((stream) => toOpenStream(stream) ?? []),
    async drain(graceMs) {
      isDraining = true
      const timer = setTimeout(() => {
        for (const { stop } of open) stop(shuttingDown())
      }, graceMs)
      await Promise.all(Array.from(open, ({ ended }) => ended))
      clearTimeout(timer)
    },
    get isDraining() {
      return isDraining
    },
  }
}

function revoked(): ServiceError {
  return new ServiceError('unauthorized', 'The key of this answer is no longer valid; ask for a new one')
}

function toOpenStream({ requestId, principal, watched }: Stream): OpenStream | undefined {
  if (!watched) return undefined
  const { notes, progress, isDetached } = watched
  const { waiting = 'waiting', tally, startedAt } = progress
  const { surface, model, host } = notes
  const { firstDeltaAt, deltas } = tally
  return {
    requestId,
    principal,
    surface,
    model,
    host,
    state: isDetached?.() ? 'detached' : firstDeltaAt === undefined ? waiting : 'streaming',
    tokens: deltas,
    startedAt,
    firstTokenAt: firstDeltaAt,
  }
}

function shuttingDown(): ServiceError {
  return new ServiceError('shutting_down', 'The server is shutting down; try again in 5 s', { retryAfterSeconds: 5 })
}
