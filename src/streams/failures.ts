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
