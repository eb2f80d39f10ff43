import { createMiddleware } from 'hono/factory'
import { toRandomHex } from '../hex.ts'
import type { Env, SpanEvent, Spans, Trace } from './env.ts'

/**
 * Decides whether the spans of a request are recorded. `isParentSampled` is the reader's decision, and
 * undefined if the request has no parent.
 */
export type Sample = (traceId: string, isParentSampled: boolean | undefined) => boolean

export interface TraceOptions {
  /** Undefined if no spans are recorded. */
  sample: Sample | undefined
  /** Whether requests to a path have spans. Those of load balancers and of scrapers would be noise. */
  isTraced: (path: string) => boolean
  now: () => number
}

/**
 * Finds the trace of a request, or begins one. If spans are recorded, Ollama gets the id of our span
 * for its work as its parent. Otherwise it gets the headers of the reader.
 */
export function trace({ sample, isTraced, now }: TraceOptions) {
  return createMiddleware<Env>(async (c, next) => {
    const { req } = c
    const parent = parseTraceParent(req.header('traceparent'))
    const state = parent && req.header('tracestate')
    const passed = state !== undefined && /^[\x20-\x7e]{1,512}$/.test(state) ? { tracestate: state } : {}
    const found =
      sample && isTraced(req.path)
        ? begin(parent, passed, sample, now)
        : parent && { id: parent.traceId, headers: { traceparent: parent.text, ...passed } }
    if (found) {
      c.set('trace', found)
      c.var.entry.trace_id = found.id
    }
    await next()
  })
}

function begin(
  parent: TraceParent | undefined,
  state: Readonly<Record<string, string>>,
  sample: Sample,
  now: () => number,
): Trace {
  const id = parent?.traceId ?? toRandomHex(16)
  const isSampled = sample(id, parent && parent.flags % 2 === 1)
  const clientId = toRandomHex(8)
  // The bit of a random trace id belongs to the one who made the id (W3C Trace Context Level 2).
  const flags = ((parent?.flags ?? 2) & 2) | Number(isSampled)
  const headers = { traceparent: `00-${id}-${clientId}-0${flags}`, ...state }
  return { id, headers, spans: isSampled ? createSpans(parent?.id, clientId, now) : undefined }
}

/**
 * This is a separate function, because its closure lives as long as the stream and must not keep the
 * request in memory (docs/hazards.md#81).
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

interface TraceParent {
  /** The header itself. */
  readonly text: string
  readonly traceId: string
  readonly id: string
  readonly flags: number
}

/**
 * Parses a `traceparent` (W3C Trace Context §3.2.2). Version `ff` and ids of zeros are invalid. A
 * header of a later version with more fields is not taken.
 */
function parseTraceParent(text = ''): TraceParent | undefined {
  const [, traceId, id, flags] =
    /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text) ?? []
  return traceId && id && flags ? { text, traceId, id, flags: Number.parseInt(flags, 16) } : undefined
}
