import { ServiceError } from '../errors.ts'

/** The failures of a run and of its readers (docs/protocol.md#4-errors). */

export function notResumable(): ServiceError {
  return new ServiceError(
    'not_resumable',
    'This answer cannot be resumed: it is not known here, or it is no longer kept; ask again',
  )
}

export function logDropped(): ServiceError {
  return new ServiceError('log_dropped', 'The frames that come next are no longer kept, so the answer cannot be resumed here')
}

export function cancelled(): ServiceError {
  return new ServiceError('cancelled', 'The answer was stopped')
}

export function abandoned(reason: string): ServiceError {
  return new ServiceError('abandoned', `The answer was stopped, because ${reason}`)
}

export function logLost(): ServiceError {
  return new ServiceError(
    'log_lost',
    'The frames that come next were lost in the store, so the answer cannot be resumed; ask again',
  )
}

export function producerLost(): ServiceError {
  return new ServiceError('producer_lost', 'The process that made this answer is gone, so the answer is not whole; ask again')
}

/** A background run would be one run without a reader too many. */
export function tooManyDetached(max: number): ServiceError {
  return new ServiceError('rate_limited', `More than ${max} answers would go on without a reader; try again when one is over`, {
    retryAfterSeconds: 5,
  })
}

/** The last reader of a run has left, and the run would be one without a reader too many. */
export function abandonedAsTooMany(max: number): ServiceError {
  return abandoned(`its reader left, and ${max} other answers already go on without a reader`)
}

export function storeUnavailable(): ServiceError {
  return new ServiceError('store_unavailable', 'The store of answers cannot be reached; try again in 1 s', {
    retryAfterSeconds: 1,
  })
}

/**
 * Waits for a store.
 * @throws ServiceError `store_unavailable` if the work fails
 */
export function orUnavailable<Result>(work: Promise<Result>): Promise<Result> {
  return work.catch(() => {
    throw storeUnavailable()
  })
}
