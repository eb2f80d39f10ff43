import { ServiceError } from '../errors.ts'
import { createStream, type Stream, type StreamRequest } from './stream.ts'

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

function shuttingDown(): ServiceError {
  return new ServiceError('shutting_down', 'The server is shutting down; try again in 5 s', { retryAfterSeconds: 5 })
}
