import { expect, test } from 'vitest'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { readPage } from '../citations.ts'
import { toLine, toPool } from './log-lines.ts'
import { parseExposition } from './parse-exposition.ts'

/** The rows of the table of metrics: name, type, labels. */
const rows = [...readPage('docs/observe.md').matchAll(/^\| `(sluice_\w+)` \| (\w+) \| ([^|]*)\|/gm)].map(
  ([, name = '', type = '', labels = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).toSorted(),
  }),
)

test('docs/observe.md lists every metric with its type and its labels, and no other', () => {
  const pool = toPool({ installed: ['gemma3:latest'], loaded: ['gemma3:latest'] })
  const { telemetry: otlp } = parseConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector' })
  const telemetry = createTelemetry({
    otlp,
    version: '1',
    aliases: [],
    view: () => pool,
    post: () => Promise.reject(new Error('down')),
    toServer: () => undefined,
    now: () => 0,
  })
  telemetry.hear(toLine({ queue_ms: 1, failovers: 1 }), undefined)
  telemetry.hear(toLine({ ended: 'failed', code: 'cancelled' }), undefined)
  telemetry.hear(toLine({ ended: 'done', resumed: true }), undefined)
  const { types, samples } = parseExposition(telemetry.expose('prometheus', { pool, streams: [] }))
  const labelsOf = (name: string) =>
    samples
      .filter((sample) => sample.name === name || sample.name === `${name}_count`)
      .flatMap(({ labels }) => Object.keys(labels))
  const found = Object.entries(types).map(([name, type]) => ({ name, type, labels: [...new Set(labelsOf(name))].toSorted() }))
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
  expect(rows.toSorted(byName)).toEqual(found.toSorted(byName))
})

test('a name never says twice what it is, and a counter ends in _total', () => {
  const text = createMetrics({ version: '1', aliases: [], view: () => toPool() }).expose('openmetrics', {
    pool: toPool(),
    streams: [],
  })
  for (const [name, type] of Object.entries(parseExposition(text).types)) expect(name.endsWith('_total'), type).toBe(false)
  for (const { name, type } of rows) expect(name.endsWith('_total'), name).toBe(type === 'counter')
})
