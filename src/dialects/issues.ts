import * as v from 'valibot'
import { ServiceError } from '../errors.ts'

/**
 * Checks a request against its schema.
 * @throws ServiceError `invalid_request` with the first few issues: where, and what was expected there, but never what was sent
 */
export function parse<const TSchema extends v.GenericSchema>(schema: TSchema, body: unknown): v.InferOutput<TSchema> {
  const result = v.safeParse(schema, body, { abortEarly: true })
  if (result.success) return result.output
  // All of a small body's; valibot gathers every one there is, and millions of zeros where objects belong would hold everybody up for seconds.
  const all = isSmall(body) ? (v.safeParse(schema, body).issues ?? result.issues) : result.issues
  const issues = all
    .slice(0, 8)
    .map((issue) => ({ path: (v.getDotPath(issue) ?? '').slice(0, 200), message: toMessage(issue) }))
  const [first] = issues
  throw new ServiceError('invalid_request', `Invalid request: ${first?.path ? `${first.path}: ` : ''}${first?.message}`, {
    issues,
  })
}

/** Whether there are no more than some ten thousand values in it, looked at no further than that. */
function isSmall(body: unknown): boolean {
  let left = 20_000
  const fits = (value: unknown): boolean =>
    --left > 0 && (typeof value !== 'object' || value === null || Object.values(value).every(fits))
  return fits(body)
}

/** Valibot's own texts repeat what was received; a schema's own text does not. */
function toMessage({ kind, expected, message }: v.BaseIssue<unknown>): string {
  if (kind !== 'schema' || !message.startsWith('Invalid ')) return message
  if (message.startsWith('Invalid key')) return 'Missing'
  return expected === null ? 'Invalid' : `Expected ${expected}`
}
