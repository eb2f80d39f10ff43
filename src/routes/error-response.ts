import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Dialect } from '../dialects/dialect.ts'
import { toServiceError } from '../errors.ts'
import { toCause } from '../middleware/cause.ts'
import type { Env } from '../middleware/env.ts'

/**
 * Makes the response to a request that fails before any frame is sent. The response has the real
 * HTTP status of the failure and the error format of the dialect. The cause is only logged.
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
  // A 404 or 410 could otherwise be stored, and answer a later request for another place.
  c.header('cache-control', 'no-store')
  const { status, body } = toFailure(error, requestId)
  return typeof body === 'string' ? c.text(body, status as ContentfulStatusCode) : c.json(body, status as ContentfulStatusCode)
}
