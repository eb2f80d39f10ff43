import { ServiceError } from '../errors.ts'

/**
 * What an error says about its host. `lost`: it cannot be reached. `failed`: it could not answer.
 * `busy`: it has too many requests. `lacking`: it does not have the model. `locked`: it refuses
 * Sluice. Undefined if the error is not about the host. Any other host may do better.
 */
export type Fault = 'lost' | 'failed' | 'busy' | 'lacking' | 'locked' | undefined

export function toFault(error: unknown): Fault {
  if (!(error instanceof ServiceError)) return undefined
  switch (error.code) {
    case 'upstream_unreachable':
      return 'lost'
    case 'upstream_failed':
    case 'upstream_truncated':
    case 'upstream_protocol':
    case 'idle_timeout':
      return 'failed'
    case 'upstream_busy':
      return 'busy'
    case 'model_not_found':
      return 'lacking'
    case 'upstream_rejected':
      return error.status === 401 || error.status === 403 ? 'locked' : undefined
    default:
      return undefined
  }
}
