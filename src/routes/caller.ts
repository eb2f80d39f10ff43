import type { Context, HonoRequest } from 'hono'
import type { Env } from '../middleware/env.ts'
import type { CallContext } from '../upstreams/upstream.ts'

/** Returns what the upstream needs to know about the caller. */
export function toCaller(c: Context<Env>): Pick<CallContext, 'principal' | 'models' | 'trace'> {
  const { name, models } = c.var.principal
  return { principal: name, models, trace: toTrace(c.req) }
}

/**
 * Returns the trace headers of a request, if they are valid W3C Trace Context. No other header of a
 * request is sent to the upstream.
 */
function toTrace(request: HonoRequest): Record<string, string> {
  const parent = request.header('traceparent')
  if (!parent || !/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(parent)) return {}
  const state = request.header('tracestate')
  return { traceparent: parent, ...(state && /^[\x20-\x7e]{1,512}$/.test(state) && { tracestate: state }) }
}
