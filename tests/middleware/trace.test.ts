import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import type { Env, Sampler, Trace } from '../../src/middleware/env.ts'
import { trace } from '../../src/middleware/trace.ts'

const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
const traceparent = `00-${traceId}-${spanId}-01`

/** Returns the trace of a request with these headers. */
async function ask(
  headers: Record<string, string>,
  sampler?: Sampler,
  path = '/',
): Promise<{ found?: Trace; logged?: string }> {
  const result: { found?: Trace; logged?: string } = {}
  let time = 0
  const app = new Hono<Env>()
    .use((c, next) => {
      c.set('entry', {})
      return next()
    })
    .use(trace({ sampler, isTraced: (path) => path !== '/healthz', now: () => (time += 5) }))
    .get('*', (c) => {
      if (c.var.trace) result.found = c.var.trace
      if (c.var.entry.trace_id) result.logged = c.var.entry.trace_id
      return c.body(null)
    })
  await app.request(path, { headers })
  return result
}

describe('without spans', () => {
  test('Ollama gets the headers of the reader, and the log has the id', async () => {
    const headers = { traceparent, tracestate: 'a=1' }
    expect(await ask(headers)).toEqual({ found: { id: traceId, headers }, logged: traceId })
    expect(await ask({})).toEqual({})
    expect(await ask({ tracestate: 'a=1' })).toEqual({})
  })

  test.each([
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    traceparent.toUpperCase(),
    `${traceparent}0`,
    `${traceparent}-x`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}"\n-${spanId}-01`.replace('\n', ' '),
    '',
  ])('an invalid traceparent counts as none: %s', async (text) => {
    expect(await ask({ traceparent: text, tracestate: 'a=1' })).toEqual({})
  })
})

describe('with spans', () => {
  test('Ollama gets the id of our span in the place of the reader’s', async () => {
    const { found, logged } = await ask({ traceparent, tracestate: 'a=1' }, () => true)
    const { spans, headers } = found!
    expect(logged).toBe(traceId)
    expect(spans).toMatchObject({ parentId: spanId })
    expect(spans!.clientId).toMatch(/^[0-9a-f]{16}$/)
    expect(new Set([spanId, spans!.clientId, spans!.serverId]).size).toBe(3)
    expect(headers).toEqual({ traceparent: `00-${traceId}-${spans!.clientId}-01`, tracestate: 'a=1' })
  })

  test('a trace begins here if the reader has none', async () => {
    const [one, other] = await Promise.all([ask({}, () => true), ask({ tracestate: 'a=1' }, () => true)])
    expect(one.found!.id).toMatch(/^[0-9a-f]{32}$/)
    expect(one.logged).toBe(one.found!.id)
    expect(one.found!.spans!.parentId).toBeUndefined()
    expect(one.found!.headers).toEqual({ traceparent: `00-${one.found!.id}-${one.found!.spans!.clientId}-03` })
    expect(other.found!.headers).not.toHaveProperty('tracestate')
    expect(other.found!.id).not.toBe(one.found!.id)
  })

  test.each([
    ['01', true],
    ['00', false],
    ['03', true],
    ['02', false],
    [undefined, undefined],
  ])('the sampler learns what the reader has decided: %s is %s', async (flags, expected) => {
    const heard: unknown[] = []
    const sampler: Sampler = (_id, isParentSampled) => {
      heard.push(isParentSampled)
      return false
    }
    const { found } = await ask(flags ? { traceparent: `00-${traceId}-${spanId}-${flags}` } : {}, sampler)
    expect(heard).toEqual([expected])
    expect(found!.spans).toBeUndefined()
    expect(found!.headers.traceparent).toMatch(/-0[02]$/)
  })

  test('notes when things happen, counted from the arrival', async () => {
    const { found } = await ask({}, () => true)
    found!.spans!.note('ask')
    found!.spans!.note('failover')
    expect(found!.spans!.events).toEqual([
      { name: 'ask', afterMs: 5 },
      { name: 'failover', afterMs: 10 },
    ])
  })

  test('a path without spans keeps the reader’s headers', async () => {
    const { found } = await ask({ traceparent }, () => true, '/healthz')
    expect(found).toEqual({ id: traceId, headers: { traceparent } })
  })
})
