/** The answer of `GET /status/data` (docs/protocol.md#10-status). */
export interface Data {
  readonly time: string
  readonly shared: boolean
  readonly open: number
  readonly waiting: number
  readonly streams: readonly Stream[]
  readonly hosts: readonly Host[]
  readonly minutes: readonly Minute[]
  readonly failures: readonly Failure[]
}

export interface Stream {
  readonly request_id: string
  readonly key?: string
  readonly surface?: string
  readonly model?: string
  readonly host?: string
  readonly state: 'waiting' | 'queued' | 'loading' | 'evaluating' | 'streaming' | 'detached'
  readonly tokens: number
  readonly age_ms: number
  readonly ttft_ms?: number
}

export interface Host {
  readonly name: string
  readonly tier: number
  readonly up: boolean
  readonly breaker: 'closed' | 'open' | 'half_open'
  readonly in_flight: number
  readonly max: number
  readonly loaded: readonly string[]
}

export interface Minute {
  readonly at: string
  readonly requests: number
  readonly failures: number
  readonly tokens: number
  readonly ttft_p50_ms?: number
  readonly ttft_p95_ms?: number
}

export interface Failure {
  readonly time: string
  readonly count: number
  readonly route: string
  readonly code: string
  readonly surface?: string
  readonly key?: string
  readonly model?: string
  readonly host?: string
  readonly cause?: string
}

/**
 * How many tokens a second a stream has got since its first token. Undefined if it is too young to
 * say.
 */
export function toSpeed({ tokens, age_ms: age, ttft_ms: first }: Stream): number | undefined {
  if (first === undefined || tokens < 2 || age - first < 500) return undefined
  return ((tokens - 1) * 1000) / (age - first)
}
