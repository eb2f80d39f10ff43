import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { statuses, type ErrorCode } from '../../src/errors.ts'
import type { LogLine } from '../../src/middleware/access-log.ts'
import type { PoolView } from '../../src/pool/pool-view.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { toLine, toPool, type LineFields } from './log-lines.ts'
import { parseExposition, sumOf } from './parse-exposition.ts'

const one = toPool({ name: 'ollama', installed: ['gemma3:latest'] })

function create(pool: PoolView = one, aliases: readonly (readonly [string, string])[] = []) {
  const metrics = createMetrics({ version: '1.2.3', view: () => pool, aliases })
  return {
    hear: metrics.hear,
    scrape: (streams: readonly { state: string }[] = []) => parseExposition(metrics.expose('prometheus', { pool, streams })),
  }
}

const codes = Object.keys(statuses) as ErrorCode[]
const count = fc.nat(5000)
const lines = fc.array(
  fc.record(
    {
      route: fc.constantFrom('/api/chat', '/v1/chat/completions', '-'),
      status: fc.oneof(fc.constantFrom(200, 204, 404, 429, 503), fc.integer({ min: 200, max: 599 })),
      duration_ms: count,
      surface: fc.constantFrom('native', 'openai', undefined),
      model: fc.constantFrom('gemma3', 'Gemma3:latest', 'nobody', undefined),
      ended: fc.constantFrom('done', 'left', 'stalled', 'failed', undefined),
      code: fc.constantFrom(...codes, undefined),
      ttft_ms: fc.option(count, { nil: undefined }),
      tokens_in: fc.option(count, { nil: undefined }),
      tokens: fc.option(count, { nil: undefined }),
      queue_ms: fc.option(count, { nil: undefined }),
      failovers: fc.option(fc.nat(3), { nil: undefined }),
      resumed: fc.constantFrom(true, undefined),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 60 },
)

test('the sums are those of the log, whatever is in it', () => {
  fc.assert(
    fc.property(lines, (fields) => {
      const log = fields.map((field) => toLine(field))
      const { hear, scrape } = create()
      for (const line of log) hear(line)
      const scraped = scrape()
      const add = (some: readonly LogLine[], toValue: (line: LogLine) => number | undefined) =>
        some.reduce((sum, line) => sum + (toValue(line) ?? 0), 0)
      const isResume = ({ resumed, code }: LogLine) =>
        resumed === true || ['not_resumable', 'log_dropped', 'log_lost'].includes(code ?? '')
      const generations = log.filter((line) => !isResume(line))
      const ended = generations.filter((line) => line.ended !== undefined)
      const withToken = ended.filter((line) => line.ttft_ms !== undefined)

      expect(sumOf(scraped, 'sluice_requests_total')).toBe(log.length)
      expect(sumOf(scraped, 'sluice_errors_total')).toBe(log.filter((line) => line.code).length)
      expect(sumOf(scraped, 'sluice_failovers_total')).toBe(add(log, (line) => line.failovers))
      expect(sumOf(scraped, 'sluice_resumes_total')).toBe(log.filter(isResume).length)
      expect(sumOf(scraped, 'sluice_ends_total')).toBe(ended.length)
      expect(sumOf(scraped, 'sluice_ends_total', { phase: 'streaming' })).toBe(withToken.length)
      expect(sumOf(scraped, 'sluice_queue_seconds_count')).toBe(log.filter((line) => line.queue_ms !== undefined).length)
      expect(sumOf(scraped, 'sluice_queue_seconds_sum')).toBeCloseTo(add(log, (line) => line.queue_ms) / 1000, 6)
      expect(sumOf(scraped, 'sluice_stream_seconds_count')).toBe(ended.length)
      expect(sumOf(scraped, 'sluice_stream_seconds_sum')).toBeCloseTo(add(ended, (line) => line.duration_ms) / 1000, 6)
      expect(sumOf(scraped, 'sluice_time_to_first_token_seconds_sum')).toBeCloseTo(
        add(withToken, (line) => line.ttft_ms) / 1000,
        6,
      )
      for (const type of ['in', 'out'] as const) {
        const told = generations.filter((line) => line.ended !== undefined || line.tokens_in !== undefined)
        const field = type === 'in' ? 'tokens_in' : 'tokens'
        expect(sumOf(scraped, 'sluice_tokens_total', { type })).toBe(add(told, (line) => line[field]))
      }
    }),
  )
})

test.each<[end: LineFields, terminal: string, reason: string | undefined]>([
  [{}, 'done', undefined],
  [{ ended: 'left' }, 'left', 'left'],
  [{ ended: 'stalled' }, 'stalled', 'stalled'],
  [{ ended: 'failed', code: 'upstream_failed' }, 'upstream_failed', undefined],
  [{ ended: 'failed', code: 'cancelled' }, 'cancelled', 'cancelled'],
  [{ ended: 'failed', code: 'abandoned' }, 'abandoned', 'abandoned'],
  [{ ended: 'failed', code: 'unauthorized' }, 'unauthorized', 'revoked'],
  [{ ended: 'failed', code: 'first_token_timeout' }, 'first_token_timeout', 'timeout'],
  [{ ended: 'failed', code: 'idle_timeout' }, 'idle_timeout', 'timeout'],
  [{ ended: 'failed', code: 'total_timeout' }, 'total_timeout', 'timeout'],
  [{ ended: 'failed', code: 'shutting_down' }, 'shutting_down', 'shutdown'],
])('%j is the terminal %s, and an abort by %s', (end, terminal, reason) => {
  const { hear, scrape } = create()
  hear(toLine(end))
  const scraped = scrape()
  expect(sumOf(scraped, 'sluice_ends_total', { terminal, phase: 'streaming' })).toBe(1)
  expect(sumOf(scraped, 'sluice_stream_seconds_count', { terminal, surface: 'native' })).toBe(1)
  expect(sumOf(scraped, 'sluice_aborts_total')).toBe(reason ? 1 : 0)
  expect(sumOf(scraped, 'sluice_aborts_total', { reason: reason ?? 'none' })).toBe(reason ? 1 : 0)
})

test.each<[fields: LineFields, result: string]>([
  [{ resumed: true, ended: 'done' }, 'done'],
  [{ resumed: true, ended: 'left' }, 'left'],
  [{ resumed: true, ended: undefined, status: 204 }, 'complete'],
  [{ resumed: true, ended: undefined, code: 'not_resumable' }, 'not_resumable'],
  [{ ended: undefined, status: 410, code: 'log_dropped' }, 'log_dropped'],
])('a reader that comes back, %j, counts as %s and not as a generation', (fields, result) => {
  const { hear, scrape } = create()
  hear(toLine({ ttft_ms: undefined, ...fields }))
  expect(sumOf(scrape(), 'sluice_resumes_total', { result })).toBe(1)
  expect(sumOf(scrape(), 'sluice_ends_total')).toBe(0)
  expect(sumOf(scrape(), 'sluice_tokens_total')).toBe(0)
})

test('the time of a token is that of all tokens but the first, of an answer that is whole', () => {
  const { hear, scrape } = create()
  hear(toLine())
  hear(toLine({ ended: 'left' }))
  hear(toLine({ tokens: 1 }))
  expect(sumOf(scrape(), 'sluice_time_per_output_token_seconds_count', { model: 'gemma3:latest' })).toBe(1)
  expect(sumOf(scrape(), 'sluice_time_per_output_token_seconds_sum')).toBeCloseTo(0.1, 6)
})

test('a status that Sluice itself never has is told by its class', () => {
  const { hear, scrape } = create()
  for (let status = 400; status < 600; status++) hear(toLine({ status }))
  const { samples } = scrape()
  expect(samples.filter(({ name }) => name === 'sluice_requests_total').length).toBeLessThan(25)
  expect(sumOf(scrape(), 'sluice_requests_total', { status: '4xx' })).toBeGreaterThan(50)
})

describe('the label of a model', () => {
  const pool = toPool({ installed: ['gemma3:270m', 'Me/Big:7b'] }, { installed: ['qwen3:latest'], loaded: ['smollm2:135m'] })
  const toLabels = (...models: readonly (string | undefined)[]) => {
    const { hear, scrape } = create(pool, [
      ['gpt-4o', 'gemma3:270m'],
      ['gone', 'nobody'],
    ])
    for (const model of models) hear(toLine({ model }))
    const { samples } = scrape()
    const labels = samples.filter(({ name }) => name === 'sluice_tokens_total').map(({ labels }) => labels.model)
    return [...new Set(labels)].toSorted((a = '', b = '') => (a < b ? -1 : 1))
  }

  test('is its full name if a host has it, and otherwise other', () => {
    expect(toLabels('qwen3', 'QWEN3', 'registry.ollama.ai/library/qwen3:latest')).toEqual(['qwen3:latest'])
    expect(toLabels('gemma3:270M', 'me/big:7b')).toEqual(['gemma3:270m', 'me/big:7b'])
    expect(toLabels('smollm2:135m')).toEqual(['smollm2:135m'])
    expect(toLabels('gemma3', 'nobody', undefined, '', 'other', '__proto__')).toEqual(['other'])
  })

  test('is the model behind an alias', () => {
    expect(toLabels('gpt-4o')).toEqual(['gemma3:270m'])
    expect(toLabels('gone')).toEqual(['other'])
  })

  test('is other for 100,000 names that a caller makes up: the number of series stays', () => {
    const { hear, scrape } = create(pool)
    for (let i = 0; i < 100_000; i++) hear(toLine({ model: `made-up-${i}"\n`, tokens: 1, tokens_in: 1 }))
    const { samples } = scrape()
    expect(samples.length).toBeLessThan(150)
    expect(sumOf({ types: {}, samples }, 'sluice_tokens_total', { model: 'other', type: 'out' })).toBe(100_000)
  })

  test('is one of 200, whatever a host says that it has', () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `m${i}:latest`)
    const { hear, scrape } = create(toPool({ installed: names, loaded: names }))
    for (const model of names.slice(0, 5000)) hear(toLine({ model }))
    const { samples } = scrape()
    expect(new Set(samples.map(({ labels }) => labels.model)).size).toBeLessThan(310)
    expect(samples.filter(({ name }) => name === 'sluice_model_loaded').length).toBeLessThanOrEqual(100)
    expect(sumOf({ types: {}, samples }, 'sluice_ends_total')).toBe(5000)
  })
})

test('gauges are read at the scrape: hosts, their models, the queue, and streams in every state', () => {
  const pool = {
    ...toPool(
      { name: 'big', inFlight: 3, loaded: ['gemma3', 'gemma3:latest'] },
      { name: 'a"b\n', isUp: false, breaker: 'open', loaded: [] },
    ),
    waiting: 4,
  }
  const scraped = create(pool).scrape([{ state: 'queued' }, { state: 'streaming' }, { state: 'streaming' }])
  expect(sumOf(scraped, 'sluice_streams', { state: 'streaming' })).toBe(2)
  expect(sumOf(scraped, 'sluice_streams', { state: 'detached' })).toBe(0)
  expect(scraped.samples.filter(({ name }) => name === 'sluice_streams')).toHaveLength(6)
  expect(sumOf(scraped, 'sluice_queue_waiting')).toBe(4)
  expect(sumOf(scraped, 'sluice_upstream_in_flight', { host: 'big' })).toBe(3)
  expect(sumOf(scraped, 'sluice_upstream_up', { host: 'big' })).toBe(1)
  expect(sumOf(scraped, 'sluice_upstream_up', { host: 'a"b\n' })).toBe(0)
  expect(sumOf(scraped, 'sluice_model_loaded', { host: 'big', model: 'gemma3:latest' })).toBe(1)
  expect(sumOf(scraped, 'sluice_model_loaded')).toBe(1)
  expect(sumOf(scraped, 'sluice_build_info', { version: '1.2.3' })).toBe(1)
})
