import { statuses } from '../errors.ts'
import type { LogLine } from '../middleware/access-log.ts'
import type { Trace } from '../middleware/env.ts'

/**
 * A span in the JSON of OTLP (opentelemetry-proto `trace.proto`; ids are hex, 64-bit numbers are
 * text).
 */
export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly flags: number
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly OtlpAttribute[]
  readonly events?: readonly { readonly timeUnixNano: string; readonly name: string }[]
  readonly status?: { readonly code: number }
}

interface OtlpAttribute {
  readonly key: string
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly doubleValue: number }
    | { readonly boolValue: boolean }
}

/** The address of an Ollama. */
export interface ServerAddress {
  readonly address: string
  readonly port: number
}

const kinds = { server: 2, client: 3 }
const statusError = 2
const wasSampled = 1

/**
 * Makes the spans of a request from its line of the log: the request itself until its stream has
 * ended, and the work of Ollama, if it was asked. The names are those of the conventions for HTTP
 * and for GenAI (open-telemetry/semantic-conventions-genai). Nothing else of the request is known
 * here, so no prompt can get into a span.
 */
export function toSpans(
  line: LogLine,
  { id: traceId, spans }: Trace,
  toServer: (host: string | undefined) => ServerAddress | undefined,
): OtlpSpan[] {
  if (!spans) return []
  const { parentId, serverId, clientId, startedAt, events } = spans
  const { duration_ms, queue_ms = 0, ttft_ms, resumed } = line
  const endedAt = startedAt + duration_ms
  const toTime = (afterMs: number) => toNanoseconds(Math.min(startedAt + afterMs, endedAt))
  const toEvent = (name: string, afterMs: number) => ({ timeUnixNano: toTime(afterMs), name })
  const error = toErrorType(line)
  const common = {
    traceId,
    flags: wasSampled,
    endTimeUnixNano: toNanoseconds(endedAt),
    ...(error !== undefined && { status: { code: statusError } }),
  }
  const server: OtlpSpan = {
    ...common,
    ...toRequest(line, error),
    spanId: serverId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    startTimeUnixNano: toTime(0),
    ...(resumed && { events: [toEvent('resume', 0)] }),
  }
  const asked = events.find(({ name }) => name === 'ask')
  if (!asked) return [server]
  const failovers = events.filter(({ name }) => name === 'failover').map(({ name, afterMs }) => toEvent(name, afterMs))
  const firstTokens = ttft_ms === undefined ? [] : [toEvent('first_token', asked.afterMs + ttft_ms)]
  const client: OtlpSpan = {
    ...common,
    ...toWork(line, toServer(line.host), error),
    spanId: clientId,
    parentSpanId: serverId,
    startTimeUnixNano: toTime(asked.afterMs + queue_ms),
    events: [...failovers, ...firstTokens],
  }
  return [server, client]
}

/** What a span is about. */
type About = Pick<OtlpSpan, 'name' | 'kind' | 'attributes'>

function toRequest(line: LogLine, error: string | undefined): About {
  const { code, ended } = line
  const method = methods.has(line.method) ? line.method : 'HTTP'
  const route = line.route === '-' ? undefined : line.route
  return {
    name: route === undefined ? method : `${method} ${route}`,
    kind: kinds.server,
    attributes: toAttributes({
      'http.request.method': method === 'HTTP' ? '_OTHER' : method,
      'http.route': route,
      'http.response.status_code': line.status,
      'error.type': error,
      'sluice.request_id': line.request_id,
      'sluice.surface': line.surface,
      'sluice.terminal': ended === 'failed' ? code : ended,
    }),
  }
}

function toWork(line: LogLine, server: ServerAddress | undefined, error: string | undefined): About {
  const { model, queue_ms = 0, ttft_ms } = line
  const operation = operations.find(([pattern]) => pattern.test(line.route))?.[1]
  return {
    name: [operation ?? 'ollama', model].filter(Boolean).join(' '),
    kind: kinds.client,
    attributes: toAttributes({
      'gen_ai.provider.name': operation && 'ollama',
      'gen_ai.operation.name': operation,
      'gen_ai.request.model': operation && model,
      'gen_ai.response.time_to_first_chunk': ttft_ms === undefined ? undefined : Math.max(ttft_ms - queue_ms, 0) / 1000,
      'gen_ai.usage.input_tokens': line.tokens_in,
      'gen_ai.usage.output_tokens': operation === 'embeddings' ? undefined : line.tokens,
      'server.address': server?.address,
      'server.port': server?.port,
      'error.type': error,
      'sluice.host': line.host,
      'sluice.failovers': line.failovers,
      'sluice.tokens_estimated': line.estimated,
    }),
  }
}

/** A fault of the caller is no error of the server (OpenTelemetry's conventions for HTTP spans). */
function toErrorType({ code, status }: LogLine): string | undefined {
  const isError = code === undefined ? status >= 500 : statuses[code] >= 500
  return isError ? (code ?? `${status}`) : undefined
}

/** `http.request.method` is `_OTHER` for any other method. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The operation of GenAI at each route that has one. The first match counts. */
const operations = [
  [/\/embed(?:dings)?$/, 'embeddings'],
  [/\/(?:chat|responses|messages|chat\/completions)$/, 'chat'],
  [/\/(?:generate|completions)$/, 'text_completion'],
] as const

function toAttributes(values: Readonly<Record<string, string | number | boolean | undefined>>): OtlpAttribute[] {
  return Object.entries(values).flatMap(([key, value]): OtlpAttribute | [] => {
    if (value === undefined) return []
    if (typeof value === 'string') return { key, value: { stringValue: value } }
    if (typeof value === 'boolean') return { key, value: { boolValue: value } }
    const isFraction = key === 'gen_ai.response.time_to_first_chunk'
    return { key, value: isFraction ? { doubleValue: value } : { intValue: `${Math.round(value)}` } }
  })
}

/** Milliseconds become nanoseconds as text, because they have more digits than a number. */
function toNanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}
