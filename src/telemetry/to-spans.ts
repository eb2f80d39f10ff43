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
  const endedAt = startedAt + line.duration_ms
  const toTime = (afterMs: number) => toNanoseconds(Math.min(startedAt + afterMs, endedAt))
  const common = { traceId, flags: wasSampled, endTimeUnixNano: toNanoseconds(endedAt) }
  const { code, status, ended, resumed } = line
  const isError = code === undefined ? status >= 500 : statuses[code] >= 500
  const method = methods.has(line.method) ? line.method : 'HTTP'
  const server: OtlpSpan = {
    ...common,
    spanId: serverId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    name: line.route === '-' ? method : `${method} ${line.route}`,
    kind: kinds.server,
    startTimeUnixNano: toTime(0),
    attributes: toAttributes({
      'http.request.method': method === 'HTTP' ? '_OTHER' : method,
      'http.route': line.route === '-' ? undefined : line.route,
      'http.response.status_code': status,
      'error.type': isError ? (code ?? `${status}`) : undefined,
      'sluice.request_id': line.request_id,
      'sluice.surface': line.surface,
      'sluice.terminal': ended === 'failed' ? code : ended,
    }),
    ...(resumed && { events: [{ timeUnixNano: toTime(0), name: 'resume' }] }),
    ...(isError && { status: { code: statusError } }),
  }
  const asked = events.find(({ name }) => name === 'ask')
  if (!asked) return [server]

  const operation = operations.find(([pattern]) => pattern.test(line.route))?.[1]
  const { host, model, queue_ms = 0, ttft_ms } = line
  const ask = asked.afterMs + queue_ms
  const { address, port } = toServer(host) ?? {}
  const firstTokens = ttft_ms === undefined ? [] : [{ timeUnixNano: toTime(asked.afterMs + ttft_ms), name: 'first_token' }]
  const failovers = events
    .filter(({ name }) => name === 'failover')
    .map(({ name, afterMs }) => ({ timeUnixNano: toTime(afterMs), name }))
  const client: OtlpSpan = {
    ...common,
    spanId: clientId,
    parentSpanId: serverId,
    name: [operation ?? 'ollama', model].filter(Boolean).join(' '),
    kind: kinds.client,
    startTimeUnixNano: toTime(ask),
    attributes: toAttributes({
      'gen_ai.provider.name': operation && 'ollama',
      'gen_ai.operation.name': operation,
      'gen_ai.request.model': operation && model,
      'gen_ai.response.time_to_first_chunk': ttft_ms === undefined ? undefined : Math.max(ttft_ms - queue_ms, 0) / 1000,
      'gen_ai.usage.input_tokens': line.tokens_in,
      'gen_ai.usage.output_tokens': operation === 'embeddings' ? undefined : line.tokens,
      'server.address': address,
      'server.port': port,
      'error.type': isError ? (code ?? `${status}`) : undefined,
      'sluice.host': host,
      'sluice.failovers': line.failovers,
      'sluice.tokens_estimated': line.estimated,
    }),
    events: [...failovers, ...firstTokens],
    ...(isError && { status: { code: statusError } }),
  }
  return [server, client]
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
