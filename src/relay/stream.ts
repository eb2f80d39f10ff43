import { ServiceError } from '../errors.ts'
import type { Ended } from '../generation.ts'
import type { Tally } from './core.ts'

/** The request that a stream answers. */
export interface StreamRequest {
  readonly requestId: string
  /** The name of the caller's key; empty where there are no keys. */
  readonly principal: string
  /** Aborts when the reader leaves, on runtimes that notice it. */
  readonly signal: AbortSignal
}

/** How a generation went. Times are in milliseconds of the app's clock. */
export interface Outcome {
  readonly ended: Ended
  readonly tally: Readonly<Tally>
  readonly startedAt: number
  /** How many bytes the reader was sent. */
  readonly bytes: number
}

/** The life of one answer, from its request until its reader has taken everything. */
export interface Stream extends Pick<StreamRequest, 'requestId' | 'principal'> {
  /**
   * Aborts when the work for this reader has to stop. If the reason is a ServiceError, the answer
   * ends with that error.
   */
  readonly signal: AbortSignal
  /** Call this when the reader has left. */
  leave(): void
  /**
   * Stops the work. Give no error if the answer has ended already, or if nobody is there to read
   * one.
   */
  stop(error?: ServiceError): void
  /**
   * Ends the answer with `cancelled`, at the request of another caller. On workerd that caller may
   * not touch this stream's I/O. So this only resolves a promise, and the stop runs where the I/O
   * may be touched (docs/hazards.md#74).
   */
  cancel(): void
  /** Call this once when the answer is over, with the outcome if it was a generation. */
  end(outcome?: Outcome): void
  /** Resolves when the answer is over. The log, the limits and the drain wait for it. */
  readonly ended: Promise<Outcome | undefined>
}

/**
 * Starts the life of an answer. It has a controller of its own, because the reason of the runtime's
 * signal may be no error (docs/hazards.md#9 and docs/hazards.md#10).
 */
export function createStream({ requestId, principal, signal: readerSignal }: StreamRequest): Stream {
  const controller = new AbortController()
  const { promise: ended, resolve: end } = Promise.withResolvers<Outcome | undefined>()
  const cancelled = Promise.withResolvers<void>()
  const leave = () => controller.abort(new DOMException('The reader left', 'AbortError'))
  const stop = (error?: ServiceError) => controller.abort(error)

  void cancelled.promise.then(() => stop(new ServiceError('cancelled', 'The answer was cancelled by its request id')))
  readerSignal.addEventListener('abort', leave)
  if (readerSignal.aborted) leave()
  return {
    requestId,
    principal,
    signal: controller.signal,
    leave,
    stop,
    cancel: cancelled.resolve,
    end(outcome) {
      // On Node, a listener that stays keeps 20 KB a request (docs/hazards.md#37).
      readerSignal.removeEventListener('abort', leave)
      end(outcome)
    },
    ended,
  }
}
