import { ServiceError } from '../errors.ts'

/** What no schema says: one thing that is wrong with a request, and where. */
export function invalidRequest(path: string, message: string): ServiceError {
  return new ServiceError('invalid_request', `Invalid request: ${path}: ${message}`, { issues: [{ path, message }] })
}
