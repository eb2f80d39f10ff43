import * as v from 'valibot'
import { ServiceError } from '../errors.ts'

/**
 * Checks a request against its schema.
 * @throws ServiceError `invalid_request`. Its first eight issues say where the request is wrong
 * and what was expected there. They never repeat what was sent.
 */
export function parse<const TSchema extends v.GenericSchema>(schema: TSchema, body: unknown): v.InferOutput<TSchema> {
  const result = v.safeParse(schema, body, { abortEarly: true })
  if (result.success) return result.output
  // Valibot gathers every issue of a body. A body of a million wrong values would hold up
  // everybody for seconds, so all issues are gathered for a small body only.
  const all = isSmall(body) ? (v.safeParse(schema, body).issues ?? result.issues) : result.issues
  const issues = all
    .slice(0, 8)
    .map((issue) => ({ path: (v.getDotPath(issue) ?? '').slice(0, 200), message: toMessage(issue) }))
  const [first] = issues
  throw new ServiceError('invalid_request', `Invalid request: ${first?.path ? `${first.path}: ` : ''}${first?.message}`, {
    issues,
  })
}

/** Whether a body has fewer than 20,000 values. It is searched no further than that. */
function isSmall(body: unknown): boolean {
  let remaining = 20_000
  const fits = (value: unknown): boolean =>
    --remaining > 0 && (typeof value !== 'object' || value === null || Object.values(value).every(fits))
  return fits(body)
}

/** Valibot's own messages repeat the value that was sent; the messages of our schemas do not. */
function toMessage({ kind, expected, message }: v.BaseIssue<unknown>): string {
  if (kind !== 'schema' || !message.startsWith('Invalid ')) return message
  if (message.startsWith('Invalid key')) return 'Missing'
  return expected === null ? 'Invalid' : `Expected ${expected}`
}

/** The error for a field whose value is wrong in a way that a schema cannot express. */
export function invalidRequest(path: string, message: string): ServiceError {
  return new ServiceError('invalid_request', `Invalid request: ${path}: ${message}`, { issues: [{ path, message }] })
}
