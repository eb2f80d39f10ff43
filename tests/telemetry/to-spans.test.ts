import { describe, expect, test } from 'vitest'
import type { SpanEvent, Trace } from '../../src/middleware/env.ts'
import { toSpans, type OtlpSpan } from '../../src/telemetry/to-spans.ts'
import { toLine, type LineFields } from './log-lines.ts'

const ids = { parentId: 'b'.repeat(16), serverId: 'c'.repeat(16), clientId: 'd'.repeat(16) }

function create(fields: LineFields = {}, events: readonly SpanEvent[] = [{ name: 'ask', afterMs: 2.5 }], parentId?: string) {
  const spans = { ...ids, parentId, startedAt: 1_795_868_740_443, events, note() {} }
  const trace: Trace = { id: 'a'.repeat(32), headers: {}, spans }
  const [server, client] = toSpans(toLine(fields), trace, () => ({ address: 'gpu', port: 11434 }))
  return { server: server!, client }
}

const attributesOf = ({ attributes }: OtlpSpan) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] as unknown]))

describe('the span of a request', () => {
  test('lasts until the stream has ended, and has the reader’s span as its parent', () => {
    const { server } = create({}, [], ids.parentId)
    expect(server).toMatchObject({
      traceId: 'a'.repeat(32),
      spanId: ids.serverId,
      parentSpanId: ids.parentId,
      name: 'POST /api/chat',
      kind: 2,
      startTimeUnixNano: '1795868740443000000',
      endTimeUnixNano: '1795868741643000000',
    })
    expect(attributesOf(server)).toEqual({
      'http.request.method': 'POST',
      'http.route': '/api/chat',
      'http.response.status_code': '200',
      'sluice.request_id': 'id',
      'sluice.surface': 'native',
      'sluice.terminal': 'done',
    })
    expect(server.status).toBeUndefined()
  })

  test('begins a trace if there is no parent', () => {
    expect(create().server).not.toHaveProperty('parentSpanId')
  })

  test.each<[LineFields, string | undefined]>([
    [{ ended: 'failed', code: 'idle_timeout' }, 'idle_timeout'],
    [{ ended: 'failed', code: 'cancelled' }, undefined],
    [{ ended: 'failed', code: 'model_not_found', status: 404 }, undefined],
    [{ ended: undefined, code: 'internal', status: 500 }, 'internal'],
    [{ ended: 'left' }, undefined],
    [{ ended: undefined, status: 502 }, '502'],
  ])('%j is the error %s', (fields, type) => {
    const { server, client } = create(fields)
    for (const span of [server, client!]) {
      expect(attributesOf(span)['error.type']).toBe(type)
      expect(span.status).toEqual(type === undefined ? undefined : { code: 2 })
    }
  })

  test('names no method and no route that nobody knows', () => {
    const { server } = create({ method: 'EVIL', route: '-' })
    expect(server.name).toBe('HTTP')
    expect(attributesOf(server)).toMatchObject({ 'http.request.method': '_OTHER' })
    expect(attributesOf(server)).not.toHaveProperty('http.route')
  })

  test('says that a reader has come back', () => {
    expect(create({ resumed: true }).server.events).toMatchObject([{ name: 'resume' }])
  })
})

describe('the span of Ollama’s work', () => {
  test('has the names of GenAI, and what happened when', () => {
    const { client } = create({ host: 'big', queue_ms: 100, failovers: 1, estimated: true }, [
      { name: 'ask', afterMs: 2.5 },
      { name: 'failover', afterMs: 90 },
    ])
    expect(client).toMatchObject({
      spanId: ids.clientId,
      parentSpanId: ids.serverId,
      name: 'chat gemma3',
      kind: 3,
      startTimeUnixNano: '1795868740545500000',
      endTimeUnixNano: '1795868741643000000',
      events: [
        { name: 'failover', timeUnixNano: '1795868740533000000' },
        { name: 'first_token', timeUnixNano: '1795868740645500000' },
      ],
    })
    expect(attributesOf(client!)).toEqual({
      'gen_ai.provider.name': 'ollama',
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'gemma3',
      'gen_ai.response.time_to_first_chunk': 0.1,
      'gen_ai.usage.input_tokens': '7',
      'gen_ai.usage.output_tokens': '11',
      'server.address': 'gpu',
      'server.port': '11434',
      'sluice.host': 'big',
      'sluice.failovers': '1',
      'sluice.tokens_estimated': true,
    })
  })

  test.each([
    ['/api/chat', 'chat'],
    ['/chat', 'chat'],
    ['/v1/chat/completions', 'chat'],
    ['/v1/responses', 'chat'],
    ['/v1/messages', 'chat'],
    ['/api/ui/chat', 'chat'],
    ['/ollama/v1/completions', 'text_completion'],
    ['/api/generate', 'text_completion'],
    ['/v1/embeddings', 'embeddings'],
    ['/ollama/api/embed', 'embeddings'],
    ['/api/tags', undefined],
    ['/api/pull', undefined],
  ])('%s is the operation %s', (route, operation) => {
    const { client } = create({ route })
    expect(attributesOf(client!)['gen_ai.operation.name']).toBe(operation)
    expect(client!.name).toBe(`${operation ?? 'ollama'} gemma3`)
  })

  test('does not exist if Ollama was not asked', () => {
    expect(create({}, []).client).toBeUndefined()
  })
})

test('a request that is not sampled has no spans', () => {
  expect(toSpans(toLine(), { id: 'a'.repeat(32), headers: {} }, () => undefined)).toEqual([])
})
