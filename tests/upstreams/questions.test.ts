import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { viaFetch } from '../../src/upstreams/connect.ts'
import { createExchange } from '../../src/upstreams/exchange.ts'
import { createAsk } from '../../src/upstreams/questions.ts'
import type { Question, Upstream } from '../../src/upstreams/upstream.ts'
import { silent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream as Fixture } from '#fake-ollama/upstream.ts'

let fixture: Fixture
const { signal: live } = new AbortController()

beforeEach(async () => {
  fixture = await startUpstream()
})
afterEach(async () => {
  await expect.poll(() => fixture.open).toBe(0)
  await fixture.close()
})

function createAskOf(embedTimeoutMs = 5000): Upstream['ask'] {
  return createAsk({
    exchange: createExchange({ host: fixture.url, apiKey: undefined, connect: viaFetch(fetch) }),
    embedTimeoutMs,
  })
}

/** Sends a 200 with this body, even an invalid one. */
function answer(
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
): Script {
  return (exchange) => {
    exchange.head(200, headers)
    exchange.chunk(body)
    exchange.end()
  }
}

const askOf = (script: Script, about: 'show' | 'embed' = 'show') => {
  const question: Question = { about, body: { model: fixture.script(script), input: 'a' } }
  return createAskOf()(question, { signal: live })
}

describe('a question', () => {
  test('requests only a constant path', async () => {
    for (const about of ['tags', 'ps', 'version'] as const) await createAskOf()({ about }, { signal: live })
    expect(fixture.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'GET /api/tags',
      'GET /api/ps',
      'GET /api/version',
    ])
    expect(fixture.strangers).toEqual([])
  })

  test('passes on the trace headers', async () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    await createAskOf()({ about: 'ps' }, { signal: live, trace })
    expect(fixture.requests[0]!.headers).toMatchObject(trace)
  })

  test('may have a long answer', async () => {
    const embeddings = [Array.from({ length: 200_000 }, (_, i) => i / 7)]
    expect((await askOf(answer(JSON.stringify({ embeddings })), 'embed')).value).toEqual({ embeddings })
  })
})

describe('an answer', () => {
  test.each([
    ['no JSON', 'oops'],
    ['cut JSON', '{"models":['],
    ['nothing', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['two objects', '{}{}'],
  ])('that is %s is upstream_protocol', async (_, body) => {
    await expect(askOf(answer(body))).rejects.toMatchObject({ name: 'ServiceError', code: 'upstream_protocol', status: 502 })
  })

  test('that is not UTF-8 is upstream_protocol', async () => {
    const body = Uint8Array.from([...Buffer.from('{"a":"'), 0xff, ...Buffer.from('"}')])
    await expect(askOf(answer(body))).rejects.toMatchObject({ code: 'upstream_protocol' })
  })

  test.each(['text/html', 'text/plain'])('of type %s is upstream_protocol', async (type) => {
    await expect(askOf(answer('{}', { 'content-type': type }))).rejects.toMatchObject({ code: 'upstream_protocol' })
  })

  test('of a wrong type is not read to its end: the connection is closed', async () => {
    const model = fixture.script((exchange) => {
      exchange.head(200, { 'content-type': 'text/html' })
      exchange.chunk('<html>')
    })
    const asked = createAskOf()({ about: 'show', body: { model } }, { signal: live })
    await expect(asked).rejects.toMatchObject({ code: 'upstream_protocol' })
    await (
      await fixture.next(model)
    ).exchange.closedByReader
  })

  test('has its text, and a value whose numbers keep their digits', async () => {
    const text = '{ "a":1.0,"b":[1234567890123456789]}'
    const told = await askOf(answer(text))
    expect(told.text).toBe(text)
    expect(JSON.stringify(told.value)).toBe('{"a":1.0,"b":[1234567890123456789]}')
  })

  test('that breaks off is upstream_failed', async () => {
    const broken: Script = (exchange) => {
      exchange.head(200, { 'content-type': 'application/json' })
      exchange.chunk('{"a":')
      setImmediate(() => exchange.fin())
    }
    await expect(askOf(broken)).rejects.toMatchObject({ code: 'upstream_failed' })
  })

  test.each([
    [400, { error: 'bad' }, 'upstream_rejected', 'bad'],
    [404, { error: "model 'x' not found" }, 'model_not_found', "model 'x' not found"],
    [500, { error: 'died at 10.0.0.7:80' }, 'upstream_failed', 'died at [address]'],
    [503, { error: 'busy' }, 'upstream_busy', 'busy'],
  ])('of status %d keeps its message', async (status, body, code, message) => {
    const failed: Script = (exchange) => {
      exchange.head(status, { 'content-type': 'application/json' })
      exchange.chunk(JSON.stringify(body))
      exchange.end()
    }
    await expect(askOf(failed)).rejects.toMatchObject({ name: 'ServiceError', code, message })
  })

  test('that does not come in time is first_token_timeout, and the connection is closed', async () => {
    const model = fixture.script(silent())
    const asked = createAskOf(50)({ about: 'embed', body: { model, input: 'a' } }, { signal: live })
    await expect(asked).rejects.toMatchObject({
      code: 'first_token_timeout',
      status: 504,
      message: expect.stringContaining('0.05 s'),
    })
    await (
      await fixture.next(model)
    ).exchange.closedByReader
  })

  test('that stalls in the middle is first_token_timeout as well', async () => {
    const model = fixture.script((exchange) => {
      exchange.head(200, { 'content-type': 'application/json' })
      exchange.chunk('{"a":')
    })
    const asked = createAskOf(50)({ about: 'embeddings', body: { model } }, { signal: live })
    await expect(asked).rejects.toMatchObject({ code: 'first_token_timeout' })
    await (
      await fixture.next(model)
    ).exchange.closedByReader
  })

  test('that is an error rejects with the reader’s reason if the reader has disconnected', async () => {
    const reader = new AbortController()
    const exchange = createExchange({
      host: 'http://ollama',
      apiKey: undefined,
      connect: async (_, signal) => ({
        status: 500,
        headers: new Headers(),
        async flow() {
          reader.abort(new Error('left'))
          signal.throwIfAborted()
        },
      }),
    })
    const asked = createAsk({ exchange, embedTimeoutMs: 0 })({ about: 'ps' }, { signal: reader.signal })
    await expect(asked).rejects.toThrow('left')
  })

  test('of an embedding has no time limit, if the limit is 0', async () => {
    const model = fixture.script(silent())
    const controller = new AbortController()
    const asked = createAskOf(0)({ about: 'embed', body: { model, input: 'a' } }, { signal: controller.signal })
    const { exchange } = await fixture.next(model)
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
    await answer('{"embeddings":[]}')(exchange)
    expect((await asked).value).toEqual({ embeddings: [] })
  })
})
