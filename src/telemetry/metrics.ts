import { statuses } from '../errors.ts'
import type { LogLine } from '../middleware/access-log.ts'
import { toExposition, toLabels, type Family, type Format } from './exposition.ts'
import { toGauge, toGauges, type Now } from './gauges.ts'
import { createCounter, createHistogram } from './instruments.ts'
import { createModelLabels, type ModelLabelsOptions } from './model-labels.ts'

/** Counts what the log says, for Prometheus. docs/observe.md has every name. */
export interface Metrics {
  /** Counts a line of the log. */
  hear(line: LogLine): void
  /** Writes the answer to a scrape. */
  expose(format: Format, now: Now): string
}

export interface MetricsOptions extends ModelLabelsOptions {
  version: string
  /** More metrics of this process. */
  others?: () => readonly Family[]
}

/**
 * Bounds of buckets, in seconds. Those of the first token are vLLM's and OpenTelemetry's, and go on
 * for as long as a model may take to load.
 */
const loading = [20, 40, 80, 160, 320, 640]
const bounds = {
  firstToken: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, ...loading],
  token: [0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  stream: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, ...loading, 1280, 2560],
  queue: [0.01, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, ...loading],
}

export function createMetrics({ version, others = () => [], ...models }: MetricsOptions): Metrics {
  const toModel = createModelLabels(models)

  const requests = createCounter({
    name: 'sluice_requests',
    help: 'Requests by the pattern of their route.',
    labels: ['route', 'status'],
  })
  const errors = createCounter({
    name: 'sluice_errors',
    help: 'Failures of requests and of streams, by their code.',
    labels: ['code'],
  })
  const ends = createCounter({
    name: 'sluice_ends',
    help: 'Generations by how they ended.',
    labels: ['terminal', 'phase'],
  })
  const aborts = createCounter({
    name: 'sluice_aborts',
    help: 'Generations that were stopped before their end.',
    labels: ['reason'],
  })
  const tokens = createCounter({
    name: 'sluice_tokens',
    help: 'Tokens of requests (in) and of answers (out).',
    labels: ['model', 'type'],
  })
  const failovers = createCounter({ name: 'sluice_failovers', help: 'Hosts that failed, unseen by the reader.' })
  const resumes = createCounter({
    name: 'sluice_resumes',
    help: 'Readers that came back to an answer.',
    labels: ['result'],
  })
  const firstToken = createHistogram({
    name: 'sluice_time_to_first_token_seconds',
    help: 'From the request to the first token.',
    labels: ['surface', 'model'],
    bounds: bounds.firstToken,
  })
  const perToken = createHistogram({
    name: 'sluice_time_per_output_token_seconds',
    help: 'For each token after the first one.',
    labels: ['model'],
    bounds: bounds.token,
  })
  const durations = createHistogram({
    name: 'sluice_stream_seconds',
    help: 'How long generations took.',
    labels: ['surface', 'terminal'],
    bounds: bounds.stream,
  })
  const queued = createHistogram({
    name: 'sluice_queue_seconds',
    help: 'How long requests waited in the queue of Sluice.',
    bounds: bounds.queue,
  })
  const counters = [requests, errors, ends, aborts, tokens, failovers, resumes]
  const histograms = [firstToken, perToken, durations, queued]
  const families = [...counters, ...histograms].map(({ family }) => family)

  /** Counts a generation that has ended. */
  function hearEnd({ ended, code, surface = 'other', ttft_ms, tokens = 0, duration_ms }: LogLine, model: string) {
    const terminal = (ended === 'failed' ? code : ended) ?? 'other'
    ends.add([terminal, ttft_ms === undefined ? 'waiting' : 'streaming'])
    durations.observe([surface, terminal], duration_ms / 1000)
    const reason = abortReasons[terminal]
    if (reason) aborts.add([reason])
    if (ttft_ms === undefined) return
    firstToken.observe([surface, model], ttft_ms / 1000)
    if (ended === 'done' && tokens > 1) perToken.observe([model], (duration_ms - ttft_ms) / (tokens - 1) / 1000)
  }

  return {
    hear(line) {
      requests.add([line.route, toStatus(line.status)])
      if (line.code) errors.add([line.code])
      if (line.failovers) failovers.add([], line.failovers)
      if (line.queue_ms !== undefined) queued.observe([], line.queue_ms / 1000)
      if (line.resumed || (line.code && resumeFailures.has(line.code)))
        return resumes.add([line.ended ?? line.code ?? 'complete'])
      if (line.tokens_in === undefined && line.ended === undefined) return
      const model = toModel(line.model)
      if (line.tokens_in) tokens.add([model, 'in'], line.tokens_in)
      if (line.tokens) tokens.add([model, 'out'], line.tokens)
      if (line.ended !== undefined) hearEnd(line, model)
    },
    expose(format, now) {
      const build = toGauge('sluice_build_info', 'The version of Sluice.', [
        { labels: toLabels(['version'], [version]), value: 1 },
      ])
      return toExposition([...families, ...toGauges(now), ...others(), build], format)
    },
  }
}

/** Why a generation was stopped, by how it ended. The other ends are no stops. */
const abortReasons: Readonly<Record<string, string>> = {
  left: 'left',
  stalled: 'stalled',
  cancelled: 'cancelled',
  abandoned: 'abandoned',
  unauthorized: 'revoked',
  first_token_timeout: 'timeout',
  idle_timeout: 'timeout',
  total_timeout: 'timeout',
  shutting_down: 'shutdown',
}

/** A reader that comes back gets these errors, and then its line does not say `resumed`. */
const resumeFailures = new Set<NonNullable<LogLine['code']>>(['not_resumable', 'log_dropped', 'log_lost'])

const ownStatuses = new Set<number>([200, 204, 304, ...Object.values(statuses)])

/**
 * Returns the label of a status. Ollama may send any, so those that Sluice has not are `4xx` or
 * `5xx`.
 */
function toStatus(status: number): string {
  return ownStatuses.has(status) ? `${status}` : `${Math.trunc(status / 100)}xx`
}
