import { ServiceError } from '../errors.ts'

/**
 * The open streams. Their number has a limit, another request can cancel one, and a drain ends
 * them before the process ends.
 */
export interface Streams {
  /**
   * Takes a place, and returns a function that gives it up again.
   * @throws ServiceError `too_many_streams`, or `shutting_down` once a drain has begun
   */
  enter(who: StreamOf, controller: AbortController): () => void
  /**
   * Ends every stream of this request id and principal with `cancelled`. Returns false if there is
   * none.
   */
  cancel(who: StreamOf): boolean
  /**
   * Takes no new streams, and waits for the open ones. After the grace it ends the remaining ones
   * with `shutting_down`.
   */
  drain(graceMs: number): Promise<void>
  readonly isDraining: boolean
}

/** The request and the caller that a stream belongs to. */
export interface StreamOf {
  readonly requestId: string
  /** The key's name; empty where there are no keys. */
  readonly principal: string
}

interface OpenStream extends StreamOf {
  readonly controller: AbortController
  readonly cancel: () => void
}

export function createStreams({ max }: { max: number }): Streams {
  const open = new Set<OpenStream>()
  let isDraining = false
  let onEmpty = () => {}

  return {
    enter({ requestId, principal }, controller) {
      if (isDraining) throw shuttingDown()
      if (open.size >= max)
        throw new ServiceError('too_many_streams', `All ${max} streams of this server are in use`, { retryAfterSeconds: 5 })
      // Another request calls `cancel`, and on workerd it may not touch this stream's I/O. So it
      // only resolves a promise. The abort runs where the I/O may be touched (hazard 74).
      const { promise, resolve: cancel } = Promise.withResolvers<void>()
      void promise.then(() => controller.abort(new ServiceError('cancelled', 'The answer was cancelled')))
      const stream = { requestId, principal, controller, cancel }
      open.add(stream)
      return () => {
        open.delete(stream)
        if (open.size === 0) onEmpty()
      }
    },
    cancel(who) {
      const those = [...open].filter((stream) => stream.requestId === who.requestId && stream.principal === who.principal)
      for (const { cancel } of those) cancel()
      return those.length > 0
    },
    async drain(graceMs) {
      isDraining = true
      if (open.size === 0) return
      const empty = new Promise<void>((resolve) => (onEmpty = resolve))
      const timer = setTimeout(() => {
        for (const { controller } of open) controller.abort(shuttingDown())
      }, graceMs)
      await empty
      clearTimeout(timer)
    },
    get isDraining() {
      return isDraining
    },
  }
}

function shuttingDown(): ServiceError {
  return new ServiceError('shutting_down', 'The server is shutting down', { retryAfterSeconds: 5 })
}
