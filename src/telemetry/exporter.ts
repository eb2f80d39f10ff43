import { within } from '../within.ts'
import type { OtlpSpan } from './to-spans.ts'

export interface ExporterOptions {
  /** The address of the collector for traces. */
  url: string
  headers: Readonly<Record<string, string>>
  /** What all spans have in common: the name of the service, and so on. */
  resource: Readonly<Record<string, string>>
  version: string
  post: (url: string, init: RequestInit) => Promise<Response>
  /**
   * Keeps a request of workerd alive until its spans are sent. If it is given, spans are sent at
   * once, because a timer does not outlive its request there (docs/hazards.md#40).
   */
  waitUntil?: ((promise: Promise<unknown>) => void) | undefined
  now: () => number
}

export interface Exporter {
  /** Takes spans. Never throws and never waits. Spans that find the queue full are dropped. */
  add(spans: readonly OtlpSpan[]): void
  /** Sends what is queued, for at most half a second, and then no more. */
  close(): Promise<void>
  /** How many spans the collector has taken, how many it has refused, and how many had no room. */
  readonly counts: Readonly<{ exported: number; failed: number; dropped: number }>
}

/** The defaults of OpenTelemetry's own batches (`OTEL_BSP_…`). */
const queueSize = 2048
const batchSize = 512
const intervalMs = 5000
const timeoutMs = 10_000
/** The longest pause after a failure. */
const maxPauseMs = 60_000
/** How many requests of workerd may send spans at once. */
const maxPosts = 8
const closeMs = 500

/** The collector may take the same spans later (OTLP §"Retryable response codes"). */
const passing = new Set([429, 502, 503, 504])

/**
 * Sends spans to a collector: OTLP over HTTP, in JSON. It is never in the way of a request. There
 * is one request to the collector at a time (eight on workerd), at most every 5 s as long as it
 * fails. Spans wait in a queue that has an end, and so a collector that is down costs no more
 * memory.
 */
export function createExporter({ url, headers, resource, version, post, waitUntil, now }: ExporterOptions): Exporter {
  const queue: OtlpSpan[] = []
  const counts = { exported: 0, failed: 0, dropped: 0 }
  /**
   * When each running request to the collector is over at the latest. On workerd it dies with its
   * request, and nothing reports that.
   */
  const running = new Set<{ readonly endsAt: number }>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let isClosed = false
  let pausedUntil = -Infinity

  const toBody = (spans: readonly OtlpSpan[]) =>
    JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: Object.entries(resource).map(([key, text]) => ({ key, value: { stringValue: text } })) },
          scopeSpans: [{ scope: { name: 'sluice', version }, spans }],
        },
      ],
    })

  async function ask(spans: readonly OtlpSpan[], signal: AbortSignal): Promise<number> {
    const { status, body } = await post(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: toBody(spans),
      redirect: 'manual', // the headers may be secret
      signal,
    })
    await body?.cancel()
    return status
  }

  /** Returns the status of the collector's answer. 0: there was none in time. */
  async function send(spans: readonly OtlpSpan[]): Promise<number> {
    const controller = new AbortController()
    try {
      return await within(timeoutMs, ask(spans, controller.signal), () => 0)
    } catch {
      return 0
    } finally {
      controller.abort()
    }
  }

  async function exportBatch(): Promise<void> {
    const one = { endsAt: now() + timeoutMs + 100 }
    running.add(one)
    const batch = queue.splice(0, batchSize)
    const status = await send(batch)
    running.delete(one)
    const isTaken = status >= 200 && status <= 299
    failures = isTaken ? 0 : failures + 1
    pausedUntil = isTaken ? -Infinity : now() + Math.min(intervalMs * 2 ** (failures - 1), maxPauseMs)
    if (isTaken) counts.exported += batch.length
    else if (status === 0 || passing.has(status)) keep(batch)
    else counts.failed += batch.length
    schedule()
  }

  /** Puts spans back for the next time. The newest of the queue make room. */
  function keep(batch: readonly OtlpSpan[]) {
    queue.unshift(...batch)
    counts.dropped += queue.splice(queueSize).length
  }

  function schedule() {
    if (queue.length === 0 || waitUntil || running.size > 0 || isClosed) return
    clearTimeout(timer)
    const waitMs = Math.max(pausedUntil - now(), queue.length >= batchSize ? 0 : intervalMs)
    timer = setTimeout(() => {
      timer = undefined
      void exportBatch()
    }, waitMs)
  }

  function exportAtOnce() {
    for (const one of running) if (one.endsAt <= now()) running.delete(one)
    if (queue.length > 0 && running.size < maxPosts && now() >= pausedUntil) waitUntil?.(exportBatch())
  }

  return {
    add(spans) {
      const before = queue.length
      const room = queueSize - before
      queue.push(...spans.slice(0, room))
      counts.dropped += Math.max(spans.length - room, 0)
      if (waitUntil) exportAtOnce()
      else if (timer === undefined || (before < batchSize && queue.length >= batchSize)) schedule()
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      const sendAll = async () => {
        if (queue.length > 0) await exportBatch()
        if (queue.length > 0 && failures === 0) await sendAll()
      }
      await within(closeMs, sendAll(), () => {})
    },
    counts,
  }
}
