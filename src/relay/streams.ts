import { ServiceError } from '../errors.ts'
import { createStream, type Stream, type StreamRequest } from './stream.ts'

/**
 * The open streams. Their number is limited. Another request can cancel a stream, and a drain ends
 * all streams before the process exits.
 */
export interface Streams {
  /**
   * Starts the stream of a request. The stream counts against the limit until it has ended.
   * @throws ServiceError `too_many_streams`, or `shutting_down` once a drain has begun
   */
  start(request: StreamRequest): Stream
  /** Cancels every stream with this request id and principal. Returns false if there is none. */
  cancel(request: Pick<StreamRequest, 'requestId' | 'principal'>): boolean
  /**
   * Rejects new streams and waits until the open streams end. After `graceMs`, ends the remaining
   * streams with `shutting_down`.
   */
  drain(graceMs: number): Promise<void>
  readonly isDraining: boolean
}

export function createStreams({ max }: { max: number }): Streams {
  const open = new Set<Stream>()
  let isDraining = false

  return {
    start(request) {
      if (isDraining) throw shuttingDown()
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
      for (const { cancel } of found) cancel()
      return found.length > 0
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

function shuttingDown(): ServiceError {
  return new ServiceError('shutting_down', 'The server is shutting down; try again in 5 s', { retryAfterSeconds: 5 })
}
