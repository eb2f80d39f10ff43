import { ServiceError } from '../errors.ts'

/** What a dialect knows and Ollama cannot do: refused by its name, as ignoring it would change what the answer means. */
export function notSupported(path: string, message: string): ServiceError {
  return new ServiceError('not_supported', `${path} is not supported: ${message}`, { issues: [{ path, message }] })
}
