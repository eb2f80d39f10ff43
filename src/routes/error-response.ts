import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Dialect } from '../dialects/dialect.ts'
import { toServiceError } from '../errors.ts'
import { toCause } from '../middleware/cause.ts'
import type { Env } from '../middleware/env.ts'

/**
 * The response to a failure before commit. It has the failure's real status, in the envelope of
 * the dialect at that path. The cause goes to the log.
 */
export function toErrorResponse(c: Context<Env>, thrown: unknown, { toFailure }: Dialect): Response {
  const error = toServiceError(thrown)
  const { entry, requestId } = c.var
  entry.code = error.code
  const cause = toCause(error.cause)
  if (cause) entry.cause = cause
  if (error.retryAfterSeconds !== undefined) c.header('retry-after', String(error.retryAfterSeconds))
  if (error.code === 'unauthorized') c.header('www-authenticate', 'Bearer realm="sluice"')
  if (error.allow !== undefined) c.header('allow', error.allow)
  const { status, body } = toFailure(error, requestId)
  return typeof body === 'string' ? c.text(body, status as ContentfulStatusCode) : c.json(body, status as ContentfulStatusCode)
}
