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

export function storeUnavailable(): ServiceError {
  return new ServiceError('store_unavailable', 'The store of answers cannot be reached; try again in 1 s', {
    retryAfterSeconds: 1,
  })
}
