import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flatOut, json, lines, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import type { LogLine } from '../../../src/middleware/access-log.ts'
import type { OtlpSpan } from '../../../src/telemetry/to-spans.ts'
import { parseExposition, sumOf, type Scraped } from '../../telemetry/parse-exposition.ts'
import { askToResume, generate, read, readAll, type Reader } from '../reader.ts'
import { startServer, useStage, type RuntimeName, type Server as Sluice, type Stage } from '../server.ts'

const operator = { authorization: 'Bearer secret-of-op' }
const keys = [{ name: 'op', sha256: createHash('sha256').update('secret-of-op').digest('hex'), admin: true }]

/**
 * What makes the test an operator. On Workers nobody is on the same machine, so there it needs a key
 * with `admin`.
 */
const toOperator = (runtime: RuntimeName): Readonly<Record<string, string>> =>
  runtime === 'worker' ? { SLUICE_API_KEYS: JSON.stringify({ keys }) } : { SLUICE_OPERATOR: '1' }

const logOf = ({ server }: Stage) =>
  server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{"time"'))
    .map((line) => JSON.parse(line) as LogLine)

const hi = { headers: operator }
const isFirst = (text: string) => text.includes('token')

/** Metrics and spans, over real sockets. */
export function describeTelemetry(runtime: RuntimeName) {
  describeMetrics(runtime)
  describeSpans(runtime)
  describeTelemetryOfHosts(runtime)
}

function describeMetrics(runtime: RuntimeName) {
  describe('metrics', () => {
    const stage = useStage(runtime, {
      ...toOperator(runtime),
      SLUICE_LOG: 'json',
      SLUICE_FIRST_TOKEN_TIMEOUT_MS: '2000',
      SLUICE_IDLE_TIMEOUT_MS: '1500',
      SLUICE_TOTAL_TIMEOUT_MS: '5000',
      SLUICE_STALL_TIMEOUT_MS: '1000',
      SLUICE_HEARTBEAT_MS: '200',
      SLUICE_GRACE_MS: '0',
    })
    const scrape = async (headers: Readonly<Record<string, string>> = {}) => {
      const { status, text } = await readAll(read(stage.server, { path: '/metrics', headers: { ...operator, ...headers } }))
      expect(status).toBe(200)
      return parseExposition(text)
    }
    const toReader = (path: string, body: object, headers = {}) =>
      read(stage.server, { path, body, headers: { ...operator, ...headers } })
    const leaveAt = async (reader: Reader, test: (text: string) => boolean) => {
      await reader.until(test)
      reader.leave()
    }

    test('the sums are those of the log, after a mix of every ending', async () => {
      const { server, upstream } = stage
      await readAll(read(server, { path: '/api/tags', headers: operator }))
      const whole = () => upstream.script(tokens({ count: 20 }))
      const slow = () => upstream.script(tokens({ count: 1000, perSecond: 20 }))
      const messages = [{ role: 'user', content: 'Hi' }]
      const cancelled = generate(server, 'sse', slow(), { headers: { ...operator, 'x-request-id': 'mine' } })
      const resumed = askToResume(stage, whole(), hi)
      const mix: Promise<unknown>[] = [
        readAll(generate(server, 'sse', whole(), hi)),
        readAll(generate(server, 'ndjson', whole(), hi)),
        readAll(generate(server, 'folded', whole(), hi)),
        readAll(toReader('/v1/chat/completions', { model: whole(), messages, stream: true })),
        readAll(toReader('/v1/messages', { model: whole(), messages, max_tokens: 9 })),
        readAll(toReader('/chat', { text: 'Hi' })),
        readAll(toReader('/api/embed', { model: 'all-minilm', input: 'Hi' })),
        readAll(toReader('/api/generate', { model: '../evil' })),
        readAll(toReader('/api/nothing', {})),
        readAll(read(server, { path: '/healthz' })),
        readAll(generate(server, 'sse', 'nobody', hi)),
        readAll(generate(server, 'sse', upstream.script(silent()), hi)),
        readAll(generate(server, 'sse', upstream.script(thenSilent(2)), hi)),
        readAll(generate(server, 'ndjson', slow(), hi)),
        readAll(generate(server, 'sse', upstream.script(lines(['{"response":"token","done":false}'])), hi)),
        readAll(generate(server, 'sse', upstream.script(lines(['{"response":"token","done":false}', '{"error":"x"}'])), hi)),
        leaveAt(generate(server, 'sse', slow(), hi), isFirst),
        leaveAt(generate(server, 'sse', upstream.script(silent()), hi), (text) => text !== ''),
        cancelled.until(isFirst).then(() => readAll(read(server, { path: '/ollama/cancel/mine', ...hi }))),
        readAll(resumed).then(async ({ headers, text }) => {
          const path = String(headers['content-location'])
          const last = /^id: (\S+)\n(?![^]*^id: )/m.exec(text)![1]!
          await readAll(read(server, { path, ...hi }))
          await readAll(read(server, { path, headers: { ...operator, 'last-event-id': last } }))
        }),
      ]
      if (runtime !== 'worker') {
        const stalled = generate(server, 'sse', upstream.script(flatOut()), hi)
        stalled.pause()
        mix.push(expect.poll(() => logOf(stage).some(({ ended }) => ended === 'stalled'), { timeout: 15_000 }).toBe(true))
      }
      await Promise.all(mix)
      // The list of models, the stalled reader, and the second and third requests of some readers.
      const count = mix.length + 4
      await expect.poll(() => logOf(stage).length, { timeout: 15_000 }).toBe(count)

      const log = logOf(stage)
      const endings = new Set(log.map(({ ended, code }) => (ended === 'failed' ? code : ended)))
      for (const ending of ['done', 'left', 'cancelled', 'first_token_timeout', 'idle_timeout', 'total_timeout'] as const)
        expect(endings, ending).toContain(ending)
      for (const ending of ['upstream_truncated', 'upstream_failed', 'model_not_found'] as const)
        expect(endings, ending).toContain(ending)
      expectSums(await scrape(), log)
      await expect.poll(() => logOf(stage).length).toBe(count + 1)
      const withScrape = logOf(stage)
      expectSums(await scrape({ accept: 'application/openmetrics-text' }), withScrape)
    }, 60_000)

    test('streams by state and requests at Ollama are read at the scrape', async () => {
      const reader = generate(stage.server, 'sse', stage.upstream.script(tokens({ count: 100, perSecond: 25 })), hi)
      await reader.until(isFirst)
      const scraped = await scrape()
      expect(sumOf(scraped, 'sluice_streams', { state: 'streaming' })).toBe(1)
      expect(sumOf(scraped, 'sluice_upstream_in_flight')).toBe(1)
      expect(sumOf(scraped, 'sluice_upstream_up')).toBe(1)
      reader.leave()
      await expect.poll(async () => sumOf(await scrape(), 'sluice_streams')).toBe(0)
    })

    test('a caller that is no operator gets the answer of a path that does not exist', async () => {
      const headers = runtime === 'worker' ? {} : { 'x-forwarded-for': '203.0.113.7' }
      for (const method of ['GET', 'HEAD', 'POST']) {
        const { status } = await readAll(read(stage.server, { path: '/metrics', method, headers }))
        expect(status).toBe(runtime === 'worker' ? 401 : 404)
      }
    })
  })
}

/** Compares a scrape with the lines that were written before it. */
function expectSums(scraped: Scraped, log: readonly LogLine[]) {
  const count = (test: (line: LogLine) => unknown) => log.filter(test).length
  const add = (toValue: (line: LogLine) => number | undefined) => log.reduce((sum, line) => sum + (toValue(line) ?? 0), 0)
  const isEnd = ({ ended, resumed }: LogLine) => ended !== undefined && !resumed
  const terminalOf = ({ ended, code }: LogLine) => (ended === 'failed' ? code : ended)
  const sums = (name: string, labels = {}) => sumOf(scraped, name, labels)

  expect(sums('sluice_requests_total')).toBe(log.length)
  for (const { route, status } of log) {
    const isSame = (line: LogLine) => line.route === route && line.status === status
    expect(sums('sluice_requests_total', { route, status: `${status}` }), route).toBe(count(isSame))
  }
  for (const code of new Set(log.flatMap(({ code }) => code ?? [])))
    expect(sums('sluice_errors_total', { code }), code).toBe(count((line) => line.code === code))
  expect(sums('sluice_ends_total')).toBe(count(isEnd))
  for (const line of log.filter(isEnd)) {
    const labels = { terminal: terminalOf(line), phase: line.ttft_ms === undefined ? 'waiting' : 'streaming' }
    const isSame = (other: LogLine) =>
      isEnd(other) && terminalOf(other) === labels.terminal && (other.ttft_ms === undefined) === (line.ttft_ms === undefined)
    expect(sums('sluice_ends_total', labels), JSON.stringify(labels)).toBe(count(isSame))
  }
  expect(sums('sluice_stream_seconds_count')).toBe(count(isEnd))
  expect(sums('sluice_stream_seconds_sum')).toBeCloseTo(add((line) => (isEnd(line) ? line.duration_ms : 0)) / 1000, 6)
  expect(sums('sluice_time_to_first_token_seconds_count')).toBe(count(({ ttft_ms }) => ttft_ms !== undefined))
  expect(sums('sluice_time_to_first_token_seconds_sum')).toBeCloseTo(add(({ ttft_ms }) => ttft_ms) / 1000, 6)
  expect(sums('sluice_tokens_total', { type: 'in' })).toBe(add(({ tokens_in }) => tokens_in))
  expect(sums('sluice_tokens_total', { type: 'out' })).toBe(add(({ tokens }) => tokens))
  expect(sums('sluice_resumes_total')).toBe(count(({ resumed }) => resumed))
}

/** A collector of OpenTelemetry, and the spans that it has. */
interface Collector {
  readonly url: string
  readonly spans: OtlpSpan[]
  readonly headers: IncomingHttpHeaders[]
  readonly server: Server
}

async function startCollector(): Promise<Collector> {
  const spans: OtlpSpan[] = []
  const headers: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    void request.toArray().then((pieces: Buffer[]) => {
      const { resourceSpans } = JSON.parse(Buffer.concat(pieces).toString()) as {
        resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[]
      }
      headers.push(request.headers)
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)))
      response.setHeader('content-type', 'application/json').end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, headers, server }
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parentId = 'b7ad6b7169203331'
const toMs = ({ startTimeUnixNano, endTimeUnixNano }: OtlpSpan) =>
  Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6
const attributeOf = ({ attributes }: OtlpSpan, name: string) =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0] as unknown

function describeSpans(runtime: RuntimeName) {
  describe('spans', () => {
    let collector: Collector
    // The stage starts with the address of the collector, so this runs before it.
    const env: Record<string, string> = {}
    beforeAll(async () => {
      collector = await startCollector()
      Object.assign(env, {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20secret',
        SLUICE_LOG: 'json',
        SLUICE_HEARTBEAT_MS: '200',
      })
    })
    afterAll(() => {
      collector.server.close()
      collector.server.closeAllConnections()
    })
    const stage = useStage(runtime, env)
    const spansOf = (id: string) => collector.spans.filter((span) => span.traceId === id)

    test.concurrent('last until the stream ends, below the reader’s span, and Ollama’s is below ours', async ({ expect }) => {
      const model = stage.upstream.script(tokens({ count: 20, perSecond: 20, text: 'canary' }))
      const headers = { traceparent: `00-${traceId}-${parentId}-01`, tracestate: 'vendor=1' }
      await readAll(generate(stage.server, 'sse', { model, prompt: 'canary' }, { headers }))
      await expect.poll(() => spansOf(traceId).length, { timeout: 10_000 }).toBe(2)
      const [server, client] = spansOf(traceId)
      expect(server).toMatchObject({ kind: 2, parentSpanId: parentId, name: 'POST /api/generate' })
      expect(client).toMatchObject({ kind: 3, parentSpanId: server!.spanId, name: `text_completion ${model}` })
      for (const span of [server!, client!]) expect(toMs(span)).toBeGreaterThan(800)
      expect(attributeOf(client!, 'gen_ai.usage.output_tokens')).toBe('20')
      expect(client!.events).toMatchObject([{ name: 'first_token' }])
      const [asked] = stage.upstream.requestsFor(model)
      expect(asked!.headers).toMatchObject({ traceparent: `00-${traceId}-${client!.spanId}-01`, tracestate: 'vendor=1' })
      expect(collector.headers.at(-1)).toMatchObject({ 'x-key': 'a secret', 'content-type': 'application/json' })
      expect(JSON.stringify(collector.spans)).not.toContain('canary')
      expect(logOf(stage).find(({ trace_id }) => trace_id === traceId)).toMatchObject({ ended: 'done' })
      expect(stage.server.output()).not.toContain('a secret')
    })

    test.concurrent('end with the stream of a reader that leaves', async ({ expect }) => {
      const id = 'c'.repeat(32)
      const model = stage.upstream.script(tokens({ count: 1000, perSecond: 20 }))
      const reader = generate(stage.server, 'sse', model, { headers: { traceparent: `00-${id}-${parentId}-01` } })
      await reader.until(isFirst)
      reader.leave()
      await expect.poll(() => spansOf(id).length, { timeout: 10_000 }).toBe(2)
      expect(attributeOf(spansOf(id)[0]!, 'sluice.terminal')).toBe('left')
    })

    test.concurrent('are not made if the reader does not sample, and not for load balancers', async ({ expect }) => {
      const id = 'd'.repeat(32)
      const model = stage.upstream.script(tokens({ count: 1 }))
      await readAll(generate(stage.server, 'sse', model, { headers: { traceparent: `00-${id}-${parentId}-00` } }))
      expect(stage.upstream.requestsFor(model)[0]!.headers.traceparent).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-00$`))
      await readAll(read(stage.server, { path: '/healthz', headers: { traceparent: `00-${id}-${parentId}-01` } }))
      const after = 'e'.repeat(32)
      await readAll(read(stage.server, { path: '/api/tags', headers: { traceparent: `00-${after}-${parentId}-01` } }))
      await expect.poll(() => spansOf(after).length, { timeout: 10_000 }).toBe(2)
      expect(spansOf(id)).toEqual([])
    })
  })

  describe('spans for a collector that is down', () => {
    const stage = useStage(runtime, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })

    test('are nobody’s problem', async () => {
      for (let i = 0; i < 20; i++) {
        const answer = await readAll(generate(stage.server, 'sse', stage.upstream.script(tokens({ count: 2 }))))
        expect(answer).toMatchObject({ status: 200, ended: 'clean' })
      }
      expect(stage.server.errors()).toBe('')
    })
  })
}

function describeTelemetryOfHosts(runtime: RuntimeName) {
  describe('metrics and spans of two hosts', () => {
    let collector: Collector
    let first: Upstream
    let second: Upstream
    let server: Sluice
    beforeAll(async () => {
      ;[collector, first, second] = await Promise.all([startCollector(), startUpstream(), startUpstream()])
      for (const [name, upstream] of Object.entries({ first, second })) {
        upstream.on('GET /api/tags', json({ models: [{ name: 'both:1b' }] }))
        upstream.on('GET /api/ps', json({ models: [{ name: `of-${name}:1b` }] }))
      }
      server = await startServer(runtime, {
        ...toOperator(runtime),
        OLLAMA_HOSTS: `first=${first.url};max=1,second=${second.url};tier=2;max=1`,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        SLUICE_HEARTBEAT_MS: '200',
      })
    })
    afterAll(async () => {
      await server.stop()
      for (const upstream of [first, second]) await upstream.close()
      collector.server.close()
      collector.server.closeAllConnections()
    })

    const scrape = async () => parseExposition((await readAll(read(server, { path: '/metrics', ...hi }))).text)
    const ask = (model: string, headers = {}) => generate(server, 'sse', model, { headers: { ...operator, ...headers } })

    test('a failover is an event of when it happened, and the span is that of the host that answered', async () => {
      const id = 'f'.repeat(32)
      const pauseMs = 400
      first.script(json({ error: 'out of memory' }, 500), 'moved')
      second.script(async (exchange) => {
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
        await tokens({ count: 2 })(exchange)
      }, 'moved')
      await readAll(ask('moved', { traceparent: `00-${id}-${parentId}-01` }))
      const spansOf = () => collector.spans.filter(({ traceId }) => traceId === id)
      await expect.poll(() => spansOf().length, { timeout: 10_000 }).toBe(2)
      const client = spansOf()[1]!
      expect(client.events!.map(({ name }) => name)).toEqual(['failover', 'first_token'])
      const [failover, token] = client.events!.map(({ timeUnixNano }) => BigInt(timeUnixNano))
      expect(Number(token! - failover!) / 1e6).toBeGreaterThan(pauseMs - 50)
      expect(attributeOf(client, 'sluice.host')).toBe('second')
      expect(attributeOf(client, 'sluice.failovers')).toBe('1')
      expect(attributeOf(client, 'server.port')).toBe(new URL(second.url).port)
      expect(sumOf(await scrape(), 'sluice_failovers_total')).toBe(1)
    })

    test('the gauges have each host, and the queue over both is measured', async () => {
      for (const upstream of [first, second]) upstream.script(thenSilent(1), 'both:1b')
      const readers = [ask('both:1b'), ask('both:1b')]
      for (const reader of readers) await reader.until(isFirst)
      const third = ask('both:1b')
      await expect.poll(async () => sumOf(await scrape(), 'sluice_queue_waiting')).toBe(1)
      const scraped = await scrape()
      for (const host of ['first', 'second']) {
        expect(sumOf(scraped, 'sluice_upstream_in_flight', { host }), host).toBe(1)
        expect(sumOf(scraped, 'sluice_upstream_up', { host }), host).toBe(1)
        expect(sumOf(scraped, 'sluice_model_loaded', { host, model: `of-${host}:1b` }), host).toBe(1)
      }
      expect(sumOf(scraped, 'sluice_streams', { state: 'queued' })).toBe(1)
      expect(sumOf(scraped, 'sluice_queue_seconds_count')).toBe(0)
      readers[0]!.leave()
      await third.until(isFirst)
      for (const reader of [...readers, third]) reader.leave()
      await expect.poll(async () => sumOf(await scrape(), 'sluice_queue_seconds_count')).toBe(1)
      expect(sumOf(await scrape(), 'sluice_queue_seconds_sum')).toBeGreaterThan(0)
      await expect.poll(async () => sumOf(await scrape(), 'sluice_upstream_in_flight')).toBe(0)

      await first.stop()
      second.script(tokens({ count: 1 }), 'after')
      await readAll(ask('after'))
      const after = await scrape()
      expect(sumOf(after, 'sluice_upstream_up', { host: 'first' })).toBe(0)
      expect(sumOf(after, 'sluice_upstream_up', { host: 'second' })).toBe(1)
      await first.start()
    })
  })
}
