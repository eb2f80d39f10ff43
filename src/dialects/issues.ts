import * as v from 'valibot'
import { ServiceError } from '../errors.ts'

/**
 * Validates a request against its schema.
 * @throws ServiceError `invalid_request` with at most eight issues. Each issue has the path of a
 * wrong value and what was expected there. No issue contains the wrong value.
 */
export function parse<const TSchema extends v.GenericSchema>(schema: TSchema, body: unknown): v.InferOutput<TSchema> {
  const result = v.safeParse(schema, body, { abortEarly: true })
  if (result.success) return result.output
  // Without `abortEarly` Valibot collects every issue. For a million wrong values this would block
  // the event loop for seconds. So only a small body is validated a second time for all issues.
  const all = isSmall(body) ? (v.safeParse(schema, body).issues ?? result.issues) : result.issues
  const issues = all
    .slice(0, 8)
    .map((issue) => ({ path: (v.getDotPath(issue) ?? '').slice(0, 200), message: toMessage(issue) }))
  const [first] = issues
  throw new ServiceError('invalid_request', `Invalid request: ${first?.path ? `${first.path}: ` : ''}${first?.message}`, {
    issues,
  })
}

/** Whether a body has fewer than 20,000 values. Stops counting at this number. */
function isSmall(body: unknown): boolean {
  let remaining = 20_000
  const fits = (value: unknown): boolean =>
    --remaining > 0 && (typeof value !== 'object' || value === null || Object.values(value).every(fits))
  return fits(body)
}

/**
 * Replaces Valibot's default messages, because they repeat the value that was sent. The messages
 * that Sluice's schemas define are returned unchanged.
 */
function toMessage({ kind, expected, message }: v.BaseIssue<unknown>): string {
  if (kind !== 'schema' || !message.startsWith('Invalid ')) return message
  if (message.startsWith('Invalid key')) return 'Missing'
  return expected === null ? 'Invalid' : `Expected ${expected}`
}

/** The error for a field whose value is wrong in a way that a schema cannot express. */
export function invalidRequest(path: string, message: string): ServiceError {
  return new ServiceError('invalid_request', `Invalid request: ${path}: ${message}`, { issues: [{ path, message }] })
}
