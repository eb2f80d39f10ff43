import { ServiceError } from '../errors.ts'

/** The streams that are open: how many there may be, and how they end when the process does. */
export interface Streams {
  /**
   * Takes a place; the function that comes back gives it up again.
   * @throws ServiceError `too_many_streams`, or `shutting_down` once a drain has begun
   */
  enter(controller: AbortController): () => void
  /** Takes no more, waits for those that are open, and ends what is left after the grace with `shutting_down`. */
  drain(graceMs: number): Promise<void>
  readonly isDraining: boolean
}

export function createStreams({ max }: { max: number }): Streams {
  const open = new Set<AbortController>()
  let isDraining = false
  let onEmpty = () => {}

  return {
    enter(controller) {
      if (isDraining) throw shuttingDown()
      if (open.size >= max)
        throw new ServiceError('too_many_streams', `All ${max} streams of this server are in use`, { retryAfterSeconds: 5 })
      open.add(controller)
      return () => {
        open.delete(controller)
        if (open.size === 0) onEmpty()
      }
    },
    async drain(graceMs) {
      isDraining = true
      if (open.size === 0) return
      const empty = new Promise<void>((resolve) => (onEmpty = resolve))
      const timer = setTimeout(() => {
        for (const controller of open) controller.abort(shuttingDown())
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
