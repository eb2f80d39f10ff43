import { createMiddleware } from 'hono/factory'
import { toRandomHex } from '../hex.ts'
import type { Env, Sampler, SpanEvent, Spans, Trace } from './env.ts'

export interface TraceOptions {
  /** Undefined if no spans are recorded. */
  sampler: Sampler | undefined
  /** Whether requests to a path have spans. Load balancers and scrapers would make too many. */
  isTraced: (path: string) => boolean
  now: () => number
}

/**
 * Finds the trace of a request, or begins one. If spans are recorded, the parent of Ollama's spans
 * is our own span. Otherwise Ollama gets the headers of the reader.
 */
export function trace({ sampler, isTraced, now }: TraceOptions) {
  return createMiddleware<Env>((c, next) => {
    const parent = parseParent(c.req.header('traceparent'), c.req.header('tracestate'))
    const found = sampler && isTraced(c.req.path) ? begin(parent, sampler, now) : parent && toPassed(parent)
    if (found) {
      c.set('trace', found)
      c.var.entry.trace_id = found.id
    }
    return next()
  })
}

function toPassed({ traceId, headers }: TraceParent): Trace {
  return { id: traceId, headers }
}

function begin(parent: TraceParent | undefined, sampler: Sampler, now: () => number): Trace {
  const id = parent?.traceId ?? toRandomHex(16)
  const isSampled = sampler(id, parent && parent.flags % 2 === 1)
  const clientId = toRandomHex(8)
  // The bit of a random trace id belongs to the one who made the id (W3C Trace Context Level 2).
  const flags = ((parent?.flags ?? 2) & 2) | Number(isSampled)
  const headers = { ...parent?.headers, traceparent: `00-${id}-${clientId}-0${flags}` }
  return { id, headers, spans: isSampled ? createSpans(parent?.id, clientId, now) : undefined }
}

/**
 * This is a separate function, because its closure lives as long as the stream and must not keep
 * the request in memory (docs/hazards.md#81).
 */
function createSpans(parentId: string | undefined, clientId: string, now: () => number): Spans {
  const begunAt = now()
  const events: SpanEvent[] = []
  return {
    parentId,
    serverId: toRandomHex(8),
    clientId,
    startedAt: Date.now(),
    events,
    note: (name) => void events.push({ name, afterMs: now() - begunAt }),
  }
}

/** The span of the reader. */
interface TraceParent {
  readonly traceId: string
  readonly id: string
  readonly flags: number
  /** The headers that say so. */
  readonly headers: Trace['headers']
}

/**
 * Parses a `traceparent` (W3C Trace Context §3.2.2). Version `ff` and ids of zeros are invalid. A
 * header of a later version with more fields is not taken. A `tracestate` that is invalid is left
 * out.
 */
function parseParent(traceparent: string | undefined, tracestate: string | undefined): TraceParent | undefined {
  if (traceparent === undefined) return undefined
  const [, traceId, id, flags] =
    /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? []
  if (!traceId || !id || !flags) return undefined
  const isState = tracestate !== undefined && /^[\x20-\x7e]{1,512}$/.test(tracestate)
  const headers = { traceparent, ...(isState && { tracestate }) }
  return { traceId, id, flags: Number.parseInt(flags, 16), headers }
}
