import { invalidRequest } from './invalid-request.ts'

/** As deep as a body may be (docs/protocol.md §4, `invalid_json`). */
const maxDepth = 32

/**
 * The arguments of an earlier call, JSON text in other APIs → the object that Ollama takes.
 * @throws ServiceError `invalid_request` if the text is no JSON of an object, or nested deeper than a body may be
 */
export function toArguments(text: string, path: string): object {
  const value = parse(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && isWithin(value, maxDepth)) return value
  throw invalidRequest(path, 'Expected the JSON text of an object')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((inner) => isWithin(inner, depth - 1))
}
