import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamChat, type ChatEvent, type ChatOptions } from '#client'
import { lines, ndjson, replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { deaths, twoTokensThen } from '../runtimes/deaths.ts'
import { createRandom } from '../random.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { cutAfter, startCuttingProxy } from '../cutting-proxy.ts'

const key = 'secret-of-the-test'
let upstream: Upstream
let server: Server
beforeAll(async () => {
  upstream = await startUpstream()
  const hash = createHash('sha256').update(key).digest('hex')
  server = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent', SLUICE_API_KEYS: `test:${hash}` })
})
afterAll(async () => {
  await server?.stop()
  await upstream?.close()
})

const headers = { authorization: `Bearer ${key}` }
const lineHeaders = { ...headers, accept: 'application/x-ndjson' }
const messages = [{ role: 'user', content: 'Hi' }]

type Surface = readonly [name: string, toOptions: (model: string) => ChatOptions]
const surfaces: readonly Surface[] = [
  ['/api/chat', (model) => ({ url: `${server.url}/api/chat`, headers, body: { model, messages } })],
  ['/api/generate', (model) => ({ url: `${server.url}/api/generate`, headers, body: { model, prompt: 'Hi' } })],
  ['/chat', (model) => ({ url: `${server.url}/chat`, headers, body: { model, text: 'Hi' } })],
  ['/api/chat as NDJSON', (model) => ({ url: `${server.url}/api/chat`, headers: lineHeaders, body: { model, messages } })],
  ['/ollama/api/chat', (model) => ({ url: `${server.url}/ollama/api/chat`, headers, body: { model, messages } })],
]

async function read(options: ChatOptions): Promise<ChatEvent[]> {
  const events: ChatEvent[] = []
  for await (const event of streamChat(options)) events.push(event)
  return events
}

describe.each(surfaces)('%s', (name, toOptions) => {
  test('is read to its end', async () => {
    const model = upstream.script(tokens({ count: 3, text: (index) => [' 汉\n', '字🎉', ''][index] ?? '' }))
    const events = await read(toOptions(model))
    expect(events).toEqual([
      { type: 'start', requestId: expect.any(String) },
      { type: 'delta', text: ' 汉\n' },
      { type: 'delta', text: '字🎉' },
      { type: 'done', reason: 'stop', model, usage: { promptTokens: 9, tokens: 3 }, tokensPerSecond: expect.closeTo(33.3, 1) },
    ])
    expect(await streamChat(toOptions(model)).final()).toMatchObject({ text: ' 汉\n字🎉', usage: { tokens: 3 } })
  })

  test.each(deaths)('gives a failed event when the upstream %s', async (_death, code, end) => {
    const model = upstream.script(twoTokensThen(end))
    const events: ChatEvent[] = []
    for await (const event of streamChat(toOptions(model))) {
      events.push(event)
      if (event.type === 'delta' && event.text === ' two') (await upstream.next(model)).exchange.pass()
    }
    expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta', 'failed'])
    // Ollama's own error lines have no code, so below `/ollama` the client chooses the code.
    expect(events.at(-1)).toMatchObject({
      message: expect.stringMatching(/./),
      code: name.startsWith('/ollama') ? expect.stringMatching(/^upstream_/) : code,
    })
  })

  test('rejects with the HTTP status of a refusal before the first token', async () => {
    const model = upstream.script(replay('error-busy'))
    await expect(read(toOptions(model))).rejects.toMatchObject({
      name: 'ChatHttpError',
      status: 503,
      message: expect.stringMatching(/^server busy/),
      retryAfter: 1,
      requestId: expect.any(String),
      ...(!name.startsWith('/ollama') && { code: 'upstream_busy' }),
    })
  })

  test('stops the upstream on break', async () => {
    const model = upstream.script(thenSilent(1))
    for await (const event of streamChat(toOptions(model))) if (event.type === 'delta') break
    await (
      await upstream.next(model)
    ).exchange.closedByReader
  })

  test('stops the upstream on abort before the first token', async () => {
    const model = upstream.script(silent())
    const aborting = new AbortController()
    const answer = streamChat({ ...toOptions(model), signal: aborting.signal }).text()
    const { exchange } = await upstream.next(model)
    aborting.abort()
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
    await exchange.closedByReader
  })
})

test('thinking, tool calls and text come in their order, with stream:false too', async () => {
  const call = { function: { name: 'get_weather', arguments: { city: 'Paris' } } }
  const script = lines([
    '{"model":"m","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}',
    `{"model":"m","message":{"role":"assistant","content":"","tool_calls":[${JSON.stringify(call)}]},"done":false}`,
    '{"model":"m","message":{"role":"assistant","content":"!"},"done":true,"done_reason":"length","eval_count":2}',
  ])
  const url = `${server.url}/api/chat`
  for (const stream of [true, false]) {
    const events = await read({ url, headers, body: { model: upstream.script(script), messages, stream } })
    const [, thinking, ...rest] = events
    expect(thinking).toEqual({ type: 'thinking', text: 'Hm' })
    expect(rest).toContainEqual({ type: 'tool_call', name: 'get_weather', arguments: { city: 'Paris' } })
    expect(rest).toContainEqual({ type: 'delta', text: '!' })
    expect(rest.at(-1)).toMatchObject({ type: 'done', reason: 'length', usage: { tokens: 2 } })
  }
})

test('a request with Prefer: status gets status events while it waits', async () => {
  const model = upstream.script((exchange) =>
    exchange.passed.then(() => {
      exchange.head(200, ndjson)
      exchange.chunk('{"response":"","done":true}\n')
      exchange.end()
    }),
  )
  const stream = streamChat({
    url: `${server.url}/api/generate`,
    headers: { ...headers, prefer: 'status' },
    body: { model, prompt: 'Hi' },
  })
  for await (const event of stream) {
    if (event.type !== 'status') continue
    expect(event).toEqual({
      type: 'status',
      status: expect.stringMatching(/^(loading|evaluating)$/),
      elapsedMs: expect.any(Number),
    })
    ;(await upstream.next(model)).exchange.pass()
  }
  expect(await stream.text()).toBe('')
})

test('a request without the key is a 401, and an invalid request is a 400 invalid_request', async () => {
  const url = `${server.url}/api/chat`
  await expect(streamChat({ url, body: { messages } }).text()).rejects.toMatchObject({ status: 401, code: 'unauthorized' })
  await expect(streamChat({ url, headers, body: { model: 'a b', messages } }).text()).rejects.toMatchObject({
    status: 400,
    code: 'invalid_request',
  })
})

describe('resume', () => {
  test.each(surfaces.slice(0, 3))(
    '%s over a proxy that breaks connections at random bytes gives each token once, from one generation',
    async (_name, toOptions) => {
      const random = createRandom(16)
      const toText = (index: number) => ` ${index}汉🎉`
      const model = upstream.script(tokens({ count: 120, perSecond: 120, text: toText }))
      const options = toOptions(model)
      // The head of the POST takes about 700 bytes. Without it there is nothing to resume.
      const proxy = await startCuttingProxy(
        () => server.port,
        () => cutAfter(1200 + random(1500)),
      )
      try {
        const url = String(options.url).replace(server.url, proxy.url)
        const events = await read({ ...options, url, resume: true })
        expect(events.flatMap((event) => (event.type === 'delta' ? event.text : []))).toEqual(
          Array.from({ length: 120 }, (_, index) => toText(index)),
        )
        expect(events.at(-1)?.type).toBe('done')
        const toCount = (type: ChatEvent['type']) => events.filter((event) => event.type === type).length
        expect(proxy.cuts).toBeGreaterThan(3)
        expect(toCount('resumed')).toBeGreaterThan(3)
        expect(toCount('reconnecting')).toBeGreaterThanOrEqual(toCount('resumed'))
        expect(upstream.requestsFor(model)).toHaveLength(1)
      } finally {
        await proxy.close()
      }
    },
  )

  test('a reader who leaves can come back to the address, and stop() ends all readers with `cancelled`', async () => {
    const model = upstream.script(thenSilent(2))
    const [, toOptions] = surfaces[0]!
    const options = toOptions(model)
    let address = ''
    for await (const event of streamChat({ ...options, resume: true })) {
      if (event.type === 'start') address = event.stream ?? ''
      if (event.type === 'delta') break
    }
    expect(address).toMatch(new RegExp(`^${server.url}/streams/\\w+$`))

    const { body: _, ...rest } = options
    const tabs = [streamChat({ ...rest, resume: address }), streamChat({ ...rest, resume: address })]
    let complete = 0
    const texts = await Promise.all(
      tabs.map(async (tab) => {
        let text = ''
        for await (const event of tab) {
          if (event.type === 'delta') text += event.text
          if (text === ' token token' && ++complete === 2) void tab.stop()
          if (event.type === 'failed') return `${text}, ${event.code}`
        }
        return text
      }),
    )
    expect(texts).toEqual([' token token, cancelled', ' token token, cancelled'])
    await (
      await upstream.next(model)
    ).exchange.closedByReader
    expect(upstream.requestsFor(model)).toHaveLength(1)
  })

  test('stop() frees the upstream before the first token, and without the option too', async () => {
    for (const resume of [true, false]) {
      const model = upstream.script(silent())
      const stream = streamChat({ ...surfaces[0]![1](model), resume })
      const next = stream.next()
      const { exchange } = await upstream.next(model)
      await stream.stop()
      await exchange.closedByReader
      await next
      expect(await stream.next()).toEqual({ done: true, value: undefined })
    }
  })

  test('the address of a stream is unknown without its key, and after its end when it was deleted', async () => {
    const model = upstream.script(tokens({ count: 1 }))
    const stream = streamChat({ ...surfaces[0]![1](model), resume: true })
    let address = ''
    for await (const event of stream) if (event.type === 'start') address = event.stream ?? ''
    const url = `${server.url}/api/chat`
    expect(await streamChat({ url, headers, resume: address }).text()).toBe(' token')
    await expect(streamChat({ url, resume: address }).text()).rejects.toMatchObject({
      name: 'ChatStreamError',
      code: 'unauthorized',
    })
    await streamChat({ url, headers, resume: address }).stop()
    await expect(streamChat({ url, headers, resume: address }).text()).rejects.toMatchObject({
      name: 'ChatStreamError',
      code: 'not_found',
    })
  })
})
