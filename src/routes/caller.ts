import type { Context, HonoRequest } from 'hono'
import type { Entry, Env } from '../middleware/env.ts'
import type { CallContext } from '../upstreams/upstream.ts'

/** Returns what the upstream needs to know about the caller, and where it notes what the log says. */
export function toCaller(
  c: Context<Env>,
): Pick<CallContext, 'principal' | 'models' | 'token' | 'trace' | 'note' | 'host' | 'session'> {
  const { name, models, token } = c.var.principal
  return {
    principal: name,
    models,
    token,
    trace: toTrace(c.req),
    note: toNote(c.var.entry),
    host: c.req.header('x-sluice-host') || c.req.query('host') || undefined,
    session: toSession(c.req),
  }
}

/**
 * The headers in which programs name their conversation. opencode and OpenRouter's clients send the
 * first, Codex the second, and Open WebUI the third.
 */
const sessionHeaders = ['x-session-id', 'session-id', 'x-openwebui-chat-id']

function toSession(request: HonoRequest): string | undefined {
  for (const name of sessionHeaders) {
    const session = request.header(name)
    if (session) return session
  }
  return undefined
}

/**
 * This is a separate function, because its closure lives as long as the stream and must not keep the
 * request in memory (docs/hazards.md#81).
 */
function toNote(entry: Entry): NonNullable<CallContext['note']> {
  return (notes) => void Object.assign(entry, notes)
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
