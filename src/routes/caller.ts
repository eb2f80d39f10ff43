import type { Context, HonoRequest } from 'hono'
import type { Entry, Env, Spans } from '../middleware/env.ts'
import type { CallContext } from '../upstreams/upstream.ts'

/**
 * Returns what the upstream needs to know about the caller, and where it notes what the log says.
 */
export function toCaller(
  c: Context<Env>,
): Pick<CallContext, 'principal' | 'models' | 'token' | 'trace' | 'note' | 'host' | 'session'> {
  const { principal, trace, entry } = c.var
  trace?.spans?.note('ask')
  const { name, models, token } = principal
  return {
    principal: name,
    models,
    token,
    trace: trace?.headers ?? {},
    note: toNote(entry, trace?.spans),
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
 * This is a separate function, because its closure lives as long as the stream and must not keep
 * the request in memory (docs/hazards.md#81).
 */
function toNote(entry: Entry, spans: Spans | undefined): NonNullable<CallContext['note']> {
  return (notes) => {
    if (notes.failovers !== undefined && notes.failovers > (entry.failovers ?? 0)) spans?.note('failover')
    Object.assign(entry, notes)
  }
}
