import * as v from 'valibot'
import { ServiceError } from '../errors.ts'

/**
 * Checks a request against its schema.
 * @throws ServiceError `invalid_request` with the first few issues: where, and what was expected there, but never what was sent
 */
export function parse<const TSchema extends v.GenericSchema>(schema: TSchema, body: unknown): v.InferOutput<TSchema> {
  const result = v.safeParse(schema, body)
  if (result.success) return result.output
  const issues = result.issues
    .slice(0, 8)
    .map((issue) => ({ path: (v.getDotPath(issue) ?? '').slice(0, 200), message: toMessage(issue) }))
  const [first] = issues
  throw new ServiceError('invalid_request', `Invalid request: ${first?.path ? `${first.path}: ` : ''}${first?.message}`, {
    issues,
  })
}

/** Valibot's own texts repeat what was received; a schema's own text does not. */
function toMessage({ kind, expected, message }: v.BaseIssue<unknown>): string {
  if (kind !== 'schema' || !message.startsWith('Invalid ')) return message
  if (message.startsWith('Invalid key')) return 'Missing'
  return expected === null ? 'Invalid' : `Expected ${expected}`
}
