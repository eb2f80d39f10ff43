import { statuses, type ErrorCode } from '../../src/errors.ts'
import { toHeaders } from './headers.ts'
import { toRef, type JsonSchema } from './json-schema.ts'

/** The format of the errors of a dialect. */
export type Envelope = 'sluice' | 'openai' | 'anthropic' | 'ollama'

/** Errors of every route that looks at `Host` and `Origin`. */
const guarded: readonly ErrorCode[] = ['forbidden_host', 'forbidden_origin', 'misconfigured', 'internal']
const keyed: readonly ErrorCode[] = [...guarded, 'unauthorized', 'forbidden', 'rate_limited', 'store_unavailable']
const withBody: readonly ErrorCode[] = ['invalid_json', 'invalid_request', 'body_too_large', 'unsupported_encoding']
const placed: readonly ErrorCode[] = ['too_many_streams', 'shutting_down', 'cancelled']
const upstream: readonly ErrorCode[] = [
  'model_not_found',
  'no_model',
  'invalid_request',
  'upstream_rejected',
  'upstream_busy',
  'upstream_unreachable',
  'upstream_failed',
  'upstream_protocol',
  'line_too_long',
  'first_token_timeout',
  'total_timeout',
]
const run: readonly ErrorCode[] = [...keyed, 'not_found', 'invalid_request', 'log_dropped', 'log_lost', 'producer_lost']

/** Which errors a route can have. */
export const failures = {
  open: guarded,
  file: [...guarded, 'not_found'],
  keyed,
  run: [...run, ...placed],
  lookup: [...keyed, ...placed, ...upstream],
  question: [...keyed, ...placed, ...withBody, ...upstream, 'not_supported'],
  management: [...keyed, ...placed, ...withBody, ...upstream, 'not_found'],
  blob: [...keyed, ...placed, ...upstream, 'not_found'],
  cancel: [...keyed, 'not_found'],
  operator: [...keyed, 'not_found'],
  stop: [...keyed, 'not_found', 'invalid_request'],
  token: [...keyed, ...withBody, 'not_found'],
  generation: [
    ...run,
    ...placed,
    ...withBody,
    ...upstream,
    'not_supported',
    'upstream_truncated',
    'no_tool_call',
    'idle_timeout',
    'abandoned',
    'not_resumable',
  ],
} as const satisfies Readonly<Record<string, readonly ErrorCode[]>>

export type Failures = keyof typeof failures

/** Whether Ollama's own status may be the status of the answer. */
const asksOllama = (codes: readonly ErrorCode[]) => codes.includes('upstream_rejected')

/**
 * Returns the error responses of a route by status. Each lists the codes that it can have.
 * @param hasBody false for HEAD
 */
export function toFailures(kind: Failures, envelope: Envelope, hasBody: boolean): Readonly<Record<string, JsonSchema>> {
  const codes: readonly ErrorCode[] = [...new Set<ErrorCode>(failures[kind])]
  const byStatus = Map.groupBy(codes, (code) => String(statuses[code]))
  if (asksOllama(codes)) {
    for (const [status, listed] of byStatus) if (status.startsWith('4') && status !== '499') add(listed, 'upstream_rejected')
    byStatus.set('429', add(byStatus.get('429') ?? [], 'upstream_busy'))
    byStatus.set('4XX', ['upstream_rejected'])
    if (envelope === 'ollama') byStatus.set('5XX', ['upstream_failed'])
  }
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([status, listed]) => [status, toFailure(status, listed, { kind, envelope, hasBody })]),
  )
}

/** Headers of a caller with a budget of tokens. */
export const tokenHeaders = ['x-ratelimit-limit-tokens?', 'x-ratelimit-remaining-tokens?'] as const

function add(codes: ErrorCode[], code: ErrorCode): ErrorCode[] {
  if (!codes.includes(code)) codes.push(code)
  return codes
}

interface FailureOptions {
  readonly kind: Failures
  readonly envelope: Envelope
  readonly hasBody: boolean
}

function toFailure(status: string, codes: readonly ErrorCode[], { kind, envelope, hasBody }: FailureOptions): JsonSchema {
  const range = status.endsWith('XX') ? 'Any other status that Ollama answers with: ' : ''
  return {
    description: `${range}${codes.map((code) => `\`${code}\``).join(', ')}`,
    headers: toHeaders([
      'cache-control',
      // Ollama's own 401 has no such header.
      ...(status === '401' ? ([asksOllama(codes) ? 'www-authenticate?' : 'www-authenticate'] as const) : []),
      ...(status === '415' ? (['accept-encoding?'] as const) : []),
      ...(status === '429' || status.startsWith('50') || status.startsWith('5X') ? (['retry-after?'] as const) : []),
      'ratelimit?',
      'ratelimit-policy?',
      ...(kind === 'generation' || kind === 'question' ? tokenHeaders : []),
      'x-sluice-ignored?',
      ...(envelope === 'anthropic' ? (['request-id'] as const) : []),
    ]),
    ...(hasBody && { content: toContent(codes, envelope) }),
  }
}

/** Ollama answers an unknown path with a text, and so does Sluice below `/ollama`. */
function toContent(codes: readonly ErrorCode[], envelope: Envelope): JsonSchema {
  const isText = envelope === 'ollama' && codes.includes('not_found')
  return {
    ...(!(isText && codes.length === 1) && { 'application/json': { schema: toSchema(codes, envelope) } }),
    ...(isText && { 'text/plain': { schema: { const: '404 page not found' } } }),
  }
}

function toSchema(codes: readonly ErrorCode[], envelope: Envelope): JsonSchema {
  if (envelope === 'ollama') return toRef('OllamaError')
  if (envelope === 'sluice') return { allOf: [toRef('Error'), { properties: { code: { enum: codes } } }] }
  const listed = codes.includes('invalid_request') ? [...codes, 'context_length_exceeded'] : codes
  const code = { properties: { error: { properties: { code: { enum: envelope === 'openai' ? listed : codes } } } } }
  return { allOf: [toRef(envelope === 'openai' ? 'OpenAIError' : 'AnthropicError'), code] }
}
