import { expect, test } from 'vitest'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { createSampler } from '../../src/telemetry/sampler.ts'
import { toSpans } from '../../src/telemetry/to-spans.ts'
import { toLine, toPool } from './log-lines.ts'
import { parseExposition } from './parse-exposition.ts'

const surfaces = ['native', 'plain', 'ollama', 'openai', 'anthropic', 'ai-sdk']
const models = Array.from({ length: 50 }, (_, i) => `model${i}:latest`)
const pool = toPool(...Array.from({ length: 5 }, () => ({ installed: models, loaded: models })))

/** Returns the median of the milliseconds that a step takes. */
function toMedianMs(step: () => void): number {
  const times = Array.from({ length: 21 }, () => {
    const startedAt = performance.now()
    step()
    return performance.now() - startedAt
  })
  return times.toSorted((a, b) => a - b)[10]!
}

function create() {
  const metrics = createMetrics({ version: '1', view: () => pool, aliases: [] })
  for (const surface of surfaces) for (const model of models) metrics.hear(toLine({ surface, model }))
  return metrics
}

test('a scrape of 50 models on 5 hosts, asked in every API, takes 5 ms at most', () => {
  const metrics = create()
  const scrape = () => metrics.expose('openmetrics', { pool, streams: [] })
  const { samples } = parseExposition(scrape())
  expect(samples.length).toBeGreaterThan(8000)
  expect(toMedianMs(scrape)).toBeLessThanOrEqual(5)
})

test('to count a line of the log costs 30 µs at most, and to make its spans 70 µs more', () => {
  const metrics = create()
  const sample = createSampler('parentbased_always_on', 1)
  const note = () => {}
  const spans = {
    parentId: 'b'.repeat(16),
    serverId: 'c'.repeat(16),
    clientId: 'd'.repeat(16),
    startedAt: 1e12,
    events: [],
    note,
  }
  const trace = { id: 'a'.repeat(32), headers: {}, spans: { ...spans, events: [{ name: 'ask', afterMs: 1 } as const] } }
  const lines = models.map((model) => toLine({ model, queue_ms: 3 }))
  const count = () => {
    for (let i = 0; i < 20; i++) for (const line of lines) metrics.hear(line)
  }
  const draw = () => {
    for (let i = 0; i < 20; i++)
      for (const line of lines) if (sample(trace.id, true)) JSON.stringify(toSpans(line, trace, () => undefined))
  }
  const [countUs, drawUs] = [toMedianMs(count), toMedianMs(draw)] // of 1000 requests, so it is µs a request
  expect(countUs).toBeLessThanOrEqual(30)
  expect(drawUs).toBeLessThanOrEqual(70)
})
