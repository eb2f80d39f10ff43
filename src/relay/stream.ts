import type { ServiceError } from '../errors.ts'
import type { Ended, Waiting } from '../generation.ts'
import type { Tally } from './core.ts'

/** The request that a stream answers. */
export interface StreamRequest {
  readonly requestId: string
  /** The name of the caller's key. It is empty if there are no keys. */
  readonly principal: string
  /** Aborts when the reader disconnects, on runtimes that detect it. */
  readonly signal: AbortSignal
}

/** The outcome of a generation. Times are in milliseconds of the app's clock. */
export interface Outcome {
  readonly ended: Ended
  readonly tally: Readonly<Tally>
  readonly startedAt: number
  /** How many bytes were sent to the reader. */
  readonly bytes: number
}

/**
 * How far a generation has come. The relay changes it in place, and whoever wants to know reads it.
 */
export interface Progress {
  /**
   * What the generation waits for, as far as that is known. It says nothing after the first token.
   */
  readonly waiting: Waiting | undefined
  readonly tally: Readonly<Tally>
  /** In milliseconds of the app's clock. */
  readonly startedAt: number
}

/** What others may see of a generation while it runs. */
export interface Watched {
  /** The fields of its line in the access log, as they become known. */
  readonly notes: { readonly surface?: string; readonly model?: string | undefined; readonly host?: string }
  readonly progress: Progress
  /** Whether the generation goes on without a reader. By default it never does. */
  readonly isDetached?: (() => boolean) | undefined
}

/** The lifetime of one answer, from the request until the reader has received everything. */
export interface Stream extends Pick<StreamRequest, 'requestId' | 'principal'> {
  /**
   * Aborts when the work for this reader has to stop. If the reason is a ServiceError, the answer
   * ends with that error.
   */
  readonly signal: AbortSignal
  /** Call this when the reader has disconnected. */
  leave(): void
  /**
   * Stops the work. Pass no error if the answer has already ended or the reader has disconnected.
   */
  stop(error?: ServiceError): void
  /**
   * Ends the answer with this error, for code that does not run in the stream's own request. On
   * workerd, that code must not touch the I/O of this stream. So the function only resolves a
   * promise, and the stream's own request then stops the work (docs/hazards.md#74).
   */
  fail(error: ServiceError): void
  /** Call this once when the answer is over, with the outcome if it was a generation. */
  end(outcome?: Outcome): void
  /** Undefined if the answer is no generation. Whoever starts the generation sets it once. */
  watched: Watched | undefined
  /** Resolves when the answer is over. The log, the limits and the drain wait for it. */
  readonly ended: Promise<Outcome | undefined>
}

/**
 * Starts the lifetime of an answer. The stream has a controller of its own, because the runtime's
 * signal may abort with a reason that is not an error (docs/hazards.md#9 and docs/hazards.md#10).
 */
export function createStream({ requestId, principal, signal: readerSignal }: StreamRequest): Stream {
  const controller = new AbortController()
  const { promise: ended, resolve: end } = Promise.withResolvers<Outcome | undefined>()
  const failed = Promise.withResolvers<ServiceError>()
  const leave = () => controller.abort(new DOMException('The reader left', 'AbortError'))
  const stop = (error?: ServiceError) => controller.abort(error)

  void failed.promise.then(stop)
  readerSignal.addEventListener('abort', leave)
  if (readerSignal.aborted) leave()
  return {
    requestId,
    principal,
    signal: controller.signal,
    leave,
    stop,
    fail: failed.resolve,
    watched: undefined,
    end(outcome) {
      // On Node, a listener that is not removed keeps 20 KB of memory for each request
      // (docs/hazards.md#37).
      readerSignal.removeEventListener('abort', leave)
      end(outcome)
    },
    ended,
  }
}
