import type { LogLine } from '../middleware/access-log.ts'
import type { Sampler, Trace } from '../middleware/env.ts'
import { createExporter, type Exporter, type ExporterOptions } from './exporter.ts'
import { toLabels, type Family } from './exposition.ts'
import { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'
import { createRecent, type Recent } from './recent.ts'
import { createSampler, type SamplerName } from './sampler.ts'
import { toSpans, type ServerAddress } from './to-spans.ts'
import { createUsage, type Usage } from './usage.ts'

/** What is known of all requests. It hears what the log says, and nothing else of a request. */
export interface Telemetry {
  /** Hears a line of the log, at the end of the stream. It never throws and never waits. */
  hear(line: LogLine, trace: Trace | undefined): void
  /** Decides whether the spans of a request are recorded. Undefined if no spans are. */
  readonly sampler: Sampler | undefined
  readonly expose: Metrics['expose']
  /** The tokens that each key has used. */
  readonly usage: Pick<Usage, 'of' | 'all'>
  /** What has happened lately. */
  readonly recent: Pick<Recent, 'view'>
  /** Sends the last spans. */
  close(): Promise<void>
}

/** The variables of OpenTelemetry. */
export interface OtlpSettings {
  /** The base address of the collector. */
  readonly endpoint: string | undefined
  /** Its address for traces, if that is another one. */
  readonly tracesEndpoint: string | undefined
  readonly headers: Iterable<readonly [name: string, value: string]>
  readonly resource: Iterable<readonly [name: string, value: string]>
  readonly serviceName: string | undefined
  readonly sampler: SamplerName
  readonly ratio: number
  readonly disabled: boolean
}

export interface TelemetryOptions
  extends Omit<MetricsOptions, 'others'>, Pick<ExporterOptions, 'post' | 'waitUntil' | 'now' | 'version'> {
  otlp: OtlpSettings
  /** The address of an Ollama, by the name of its host. */
  toServer: (host: string | undefined) => ServerAddress | undefined
}

export function createTelemetry({ otlp, toServer, ...options }: TelemetryOptions): Telemetry {
  const exporter = toExporter(otlp, options)
  const usage = createUsage()
  const recent = createRecent()
  const metrics = createMetrics({ ...options, others: () => (exporter ? [toFamily(exporter)] : []) })
  return {
    usage,
    recent,
    hear(line, trace) {
      metrics.hear(line)
      usage.hear(line)
      recent.hear(line)
      if (exporter && trace?.spans) exporter.add(toSpans(line, trace, toServer))
    },
    sampler: exporter && createSampler(otlp.sampler, otlp.ratio),
    expose: metrics.expose,
    close: async () => exporter?.close(),
  }
}

/** Returns undefined if nothing says where spans go. */
function toExporter(
  { endpoint, tracesEndpoint, headers, resource, serviceName, disabled }: OtlpSettings,
  options: Pick<ExporterOptions, 'post' | 'waitUntil' | 'now' | 'version'>,
): Exporter | undefined {
  const url = tracesEndpoint ?? (endpoint && `${endpoint.replace(/\/$/, '')}/v1/traces`)
  if (!url || disabled) return undefined
  return createExporter({
    ...options,
    url,
    headers: Object.fromEntries(headers),
    resource: {
      'service.name': 'sluice',
      'service.version': options.version,
      'service.instance.id': crypto.randomUUID(),
      ...Object.fromEntries(resource),
      ...(serviceName !== undefined && { 'service.name': serviceName }),
    },
  })
}

function toFamily({ counts }: Exporter): Family {
  return {
    name: 'sluice_spans',
    type: 'counter',
    help: 'Spans for the collector of OpenTelemetry.',
    samples: Object.entries(counts).map(([result, value]) => ({ labels: toLabels(['result'], [result]), value })),
  }
}
