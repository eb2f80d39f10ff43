import { afterEach, describe, expect, test } from 'vitest'
import { json, silent, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script } from '#fake-ollama/upstream.ts'
import { refusedUrl } from '#fake-ollama/faults.ts'
import { ServiceError } from '../../src/errors.ts'
import { createPool } from '../../src/pool/pool.ts'
import { upstreamContract } from '../contracts/upstream.ts'
import { ollamaOverHttp } from '../upstreams/ollama-over-http.ts'
import { begin, chat, coldPoolOf, poolOf, startHost, type FakeHost } from './fake-hosts.ts'

const plain = { tier: 1, max: 0, weight: 1 }
const now = () => performance.now()
const { signal } = new AbortController()

const nobody = await refusedUrl()
upstreamContract(
  'three hosts, of which one lives',
  (url) =>
    createPool({
      hosts: [
        { name: 'off', ...plain, upstream: ollamaOverHttp(nobody) },
        { name: 'on', ...plain, upstream: ollamaOverHttp(url) },
        { name: 'down', ...plain, tier: 2, upstream: ollamaOverHttp(nobody) },
      ],
      waiting: 0,
      embedTimeoutMs: 5000,
      now,
    }),
  { connections: 3, host: 'on' },
)

const started: FakeHost[] = []
async function start(...names: string[]): Promise<FakeHost[]> {
  const hosts = await Promise.all(names.map((name) => startHost(name)))
  started.push(...hosts)
  return hosts
}
afterEach(async () => {
  for (const { fixture } of started.splice(0)) await fixture.close()
})

describe('the choice of a host', () => {
  test('is one that has the model', async () => {
    const [a, b] = await start('a', 'b')
    b!.installed.push('only-b:7b')
    const pool = await poolOf([a!, b!])
    for (let i = 0; i < 5; i++) expect(await chat(pool, { model: 'only-b:7b', content: `${i}` })).toMatchObject({ host: 'b' })
    expect(a!.chats).toBe(0)
  })

  test('is one whose memory has the model, with as much context as is asked for', async () => {
    const [a, b] = await start('a', 'b')
    a!.loaded.set('m:latest', 4096)
    b!.loaded.set('m:latest', 8192)
    const pool = await poolOf([a!, b!])
    for (let i = 0; i < 5; i++)
      expect(await chat(pool, { content: `${i}`, options: { num_ctx: 8192 } })).toMatchObject({ host: 'b' })
    const hosts = new Set<unknown>()
    for (let i = 0; i < 20; i++) hosts.add((await chat(pool, { content: `${i}` })).host)
    expect(hosts).toEqual(new Set(['a', 'b']))
  })

  test('is of the lowest tier, until that is full', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([b!, a!], { settings: { a: { tier: 1, max: 1 }, b: { tier: 2 } } })
    a!.answer = thenSilent(1)
    const first = await begin(pool)
    expect(first.notes.host).toBe('a')
    expect(await chat(pool)).toMatchObject({ host: 'b' })
    first.generation.close({ how: 'left' })
    expect((await begin(pool)).notes.host).toBe('a')
  })

  test('is the same for a conversation, whatever its system prompt, and spreads conversations', async () => {
    const hosts = await start('a', 'b', 'c')
    for (const { loaded } of hosts) loaded.set('m:latest', 4096)
    const pool = await poolOf(hosts)
    const ask = async (system: string, first: string) => {
      const notes: { host?: string } = {}
      const messages = [
        { role: 'system', content: system },
        { role: 'user', content: first },
        { role: 'assistant', content: 'x' },
      ]
      const context = { signal, note: (more: object) => void Object.assign(notes, more) }
      ;(await pool.generate({ endpoint: 'chat', model: 'm', body: { messages } }, context)).close({ how: 'left' })
      return notes.host
    }
    const seen = new Set<unknown>()
    for (let topic = 0; topic < 30; topic++) {
      const host = await ask('You help', `about ${topic}`)
      for (let turn = 0; turn < 3; turn++) expect(await ask(`It is turn ${turn}`, `about ${topic}`)).toBe(host)
      seen.add(host)
    }
    expect(seen.size).toBe(3)
  })

  test('follows the name that a caller gives to a conversation', async () => {
    const hosts = await start('a', 'b', 'c')
    const pool = await poolOf(hosts)
    const ask = (content: string) => chat(pool, { content, context: { session: 'one' } })
    const { host } = await ask('0')
    for (let i = 1; i < 10; i++) expect(await ask(`${i}`)).toMatchObject({ host })
  })

  test('is the named one, even if another is better', async () => {
    const [a, b] = await start('a', 'b')
    a!.loaded.set('m:latest', 4096)
    const pool = await poolOf([a!, b!])
    for (let i = 0; i < 5; i++) expect(await chat(pool, { context: { host: 'b' } })).toMatchObject({ host: 'b' })
    b!.answer = json({ error: 'broken' }, 500)
    await expect(chat(pool, { context: { host: 'b' } })).rejects.toMatchObject({ code: 'upstream_failed' })
    await expect(chat(pool, { context: { host: 'x' } })).rejects.toMatchObject({ code: 'invalid_request', message: /a, b$/ })
    expect(a!.chats).toBe(0)
  })

  test('knows of a model that was loaded a moment ago, and of one that still loads', async () => {
    const hosts = await start('a', 'b', 'c')
    const pool = await poolOf(hosts)
    for (const host of hosts) host.answer = thenSilent(1)
    const { notes, generation } = await begin(pool, { content: 'first' })
    for (let i = 0; i < 3; i++) expect((await begin(pool, { content: `${i}` })).notes.host).toBe(notes.host)
    generation.close({ how: 'left' })
  })
})

describe('a host that fails before the first token', () => {
  const reset: Script = (exchange) => exchange.reset()
  const failures: [string, Script][] = [
    ['resets', reset],
    ['answers 500', json({ error: 'out of memory' }, 500)],
    ['answers 503', json({ error: 'busy' }, 503)],
    ['answers 429', json({ error: 'busy' }, 429)],
    ['does not have the model after all', json({ error: 'model "m" not found' }, 404)],
    ['refuses Sluice', json({ error: 'unauthorized' }, 401)],
    ['redirects', (exchange) => (exchange.head(302, { location: 'http://127.0.0.1/', 'content-length': '0' }), exchange.end())],
    [
      'answers with a page',
      (exchange) => (exchange.head(200, { 'content-type': 'text/html' }), exchange.chunk('<p>'), exchange.end()),
    ],
    ['answers with nothing', (exchange) => (exchange.head(200, { 'content-type': 'application/x-ndjson' }), exchange.end())],
    [
      'is cut behind its head',
      (exchange) => (exchange.head(200, { 'content-type': 'application/x-ndjson' }), exchange.reset()),
    ],
  ]

  test.each(failures)('and %s is replaced, unseen', async (_, script) => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } } })
    a!.answer = script
    expect(await chat(pool)).toEqual({ host: 'b', failovers: 1, text: ' b b' })
    expect([a!.chats, b!.chats]).toEqual([1, 1])
  })

  test('is noted when the request goes to the next host, and not when that one answers', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } } })
    a!.answer = reset
    const notes: object[] = []
    let atRequest: object[] | undefined
    b!.answer = (exchange) => {
      atRequest = [...notes]
      return tokens({ count: 1 })(exchange)
    }
    await chat(pool, { context: { note: (note) => void notes.push(note) } })
    expect(atRequest).toEqual([{ failovers: 1 }])
    expect(notes).toEqual([{ failovers: 1 }, { host: 'b' }])
  })

  test('and cannot be reached is replaced', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } } })
    await a!.fixture.stop()
    expect(await chat(pool)).toMatchObject({ host: 'b', failovers: 1 })
    expect(await chat(pool)).toEqual({ host: 'b', text: ' b b' })
    expect(pool.view().hosts[0]).toMatchObject({ name: 'a', isUp: false, breaker: 'open' })
    await a!.fixture.start()
  })

  test('because it cannot answer the request is not replaced', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } } })
    a!.answer = json({ error: 'invalid option' }, 400)
    await expect(chat(pool)).rejects.toMatchObject({ code: 'upstream_rejected' })
    expect(b!.chats).toBe(0)
    expect(pool.view().hosts[0]).toMatchObject({ isUp: true, breaker: 'closed' })
  })

  test('by its own report is replaced once only, because the request may be the reason', async () => {
    const hosts = await start('a', 'b', 'c')
    const pool = await poolOf(hosts)
    for (const host of hosts) host.answer = json({ error: 'runner terminated' }, 500)
    await expect(chat(pool)).rejects.toMatchObject({ code: 'upstream_failed', message: 'runner terminated' })
    expect(hosts.reduce((sum, { chats }) => sum + chats, 0)).toBe(2)
  })

  test('is not replaced if its reader has left', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } } })
    a!.answer = silent()
    const controller = new AbortController()
    const asked = chat(pool, { context: { signal: controller.signal } })
    await expect.poll(() => a!.chats).toBe(1)
    controller.abort(new DOMException('left', 'AbortError'))
    await expect(asked).rejects.toThrow('left')
    expect(b!.chats).toBe(0)
    expect(pool.view().hosts.map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })

  test('by the first failure of all hosts gives the last error', async () => {
    const hosts = await start('a', 'b', 'c')
    const pool = await poolOf(hosts)
    for (const host of hosts) host.answer = reset
    await expect(chat(pool)).rejects.toMatchObject({ code: expect.stringMatching(/^upstream_/) as string })
    expect(hosts.map(({ chats }) => chats)).toEqual([1, 1, 1])
  })
})

test('a host that fails after a token is not replaced', async () => {
  const [a, b] = await start('a', 'b')
  const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } } })
  a!.answer = tokensThen([' one'], (exchange) => exchange.reset())
  const { generation } = await begin(pool)
  const exchange = a!.fixture.requests.at(-1)!.exchange
  const read: string[] = []
  const ended = generation.flow((batch) => {
    read.push(...batch.map(({ type }) => type))
    exchange.pass()
  })
  await expect(ended).rejects.toMatchObject({ code: 'upstream_failed' })
  generation.close({ how: 'failed', error: new ServiceError('upstream_failed', 'cut') })
  expect(read).toEqual(['delta'])
  expect(b!.chats).toBe(0)
})

describe('embeddings', () => {
  test('are sent again to another host', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } } })
    a!.fixture.on('POST /api/embed', (exchange) => exchange.reset())
    b!.fixture.on('POST /api/embed', json({ embeddings: [[1]] }))
    const notes: object = {}
    const context = { signal, note: (more: object) => void Object.assign(notes, more) }
    const { value } = await pool.ask({ about: 'embed', body: { model: 'm', input: 'x' } }, context)
    expect(value).toEqual({ embeddings: [[1]] })
    expect(notes).toEqual({ host: 'b', failovers: 1 })
    expect(pool.view().hosts.map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })
})

describe('the queue over all hosts', () => {
  test('lets a request go when any host with its model has a place, past those that wait for another', async () => {
    const [a, b] = await start('a', 'b')
    a!.installed = ['on-a:latest', 'm:latest']
    b!.installed = ['on-b:latest', 'm:latest']
    const pool = await poolOf([a!, b!], { settings: { a: { max: 1 }, b: { max: 1 } } })
    for (const host of [a!, b!]) host.answer = thenSilent(1)
    const onA = await begin(pool, { model: 'on-a' })
    const onB = await begin(pool, { model: 'on-b' })
    const order: string[] = []
    const wait = (model: string) =>
      begin(pool, { model }).then(({ notes, generation }) => {
        order.push(`${model} at ${notes.host}`)
        expect(notes.queue_ms).toBeGreaterThanOrEqual(0)
        return generation
      })
    const [forA, forB, any] = [wait('on-a'), wait('on-b'), wait('m')]
    await expect.poll(() => pool.view().waiting).toBe(3)
    onB.generation.close({ how: 'left' })
    ;(await forB).close({ how: 'left' })
    ;(await any).close({ how: 'left' })
    expect(order).toEqual(['on-b at b', 'm at b'])
    expect(pool.view().waiting).toBe(1)
    onA.generation.close({ how: 'left' })
    ;(await forA).close({ how: 'left' })
    expect(pool.view()).toMatchObject({ waiting: 0, hosts: [{ inFlight: 0 }, { inFlight: 0 }] })
  })

  test('takes in a request whose host has failed while all others are full', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!], { settings: { a: { max: 1 }, b: { tier: 2, max: 1 } } })
    b!.answer = thenSilent(1)
    const held = await begin(pool, { context: { host: 'b' } })
    a!.answer = json({ error: 'busy' }, 503)
    const states: unknown[] = []
    const moved = begin(pool, { context: { onWaiting: (state) => void states.push(state) } })
    await expect.poll(() => pool.view().waiting).toBe(1)
    expect(states).toEqual([undefined, 'queued'])
    held.generation.close({ how: 'left' })
    const { notes, generation } = await moved
    expect(notes).toMatchObject({ host: 'b', failovers: 1, queue_ms: expect.any(Number) as number })
    generation.close({ how: 'left' })
  })
})

describe('the lists', () => {
  test('of all hosts are one: each model once, as the lowest tier has it', async () => {
    const hosts = await start('a', 'b', 'c')
    const [a, b, c] = hosts
    b!.installed = ['M', 'only-b']
    const pool = coldPoolOf(hosts, { settings: { a: { tier: 3 }, b: { tier: 2 } } })
    await c!.fixture.stop()
    const { value, text } = await pool.ask({ about: 'tags' }, { signal })
    expect(value).toEqual({
      models: [
        { name: 'M', digest: 'b' },
        { name: 'only-b', digest: 'b' },
      ],
    })
    expect(JSON.parse(text)).toEqual(value)
    a!.loaded.set('m:latest', 4096)
    b!.loaded.set('m:latest', 8192)
    expect((await pool.ask({ about: 'ps' }, { signal })).value).toEqual({
      models: [
        { name: 'm:latest', context_length: 4096, sluice_host: 'a' },
        { name: 'm:latest', context_length: 8192, sluice_host: 'b' },
      ],
    })
    expect((await pool.ask({ about: 'tags' }, { signal, host: 'a' })).value).toEqual({
      models: [{ name: 'm:latest', digest: 'a' }],
    })
    await c!.fixture.start()
  })

  test('keep the digits of their numbers', async () => {
    const hosts = await start('a', 'b')
    for (const { fixture } of hosts)
      fixture.on('GET /api/tags', (exchange) => {
        exchange.head(200, { 'content-type': 'application/json' })
        exchange.chunk('{"models":[{"name":"m","size":12345678901234567890,"f":1.0}]}')
        exchange.end()
      })
    const { text } = await coldPoolOf(hosts).ask({ about: 'tags' }, { signal })
    expect(text).toBe('{"models":[{"name":"m","size":12345678901234567890,"f":1.0}]}')
  })

  test('are a failure only if no host has one', async () => {
    const hosts = await start('a', 'b')
    const pool = coldPoolOf(hosts)
    for (const { fixture } of hosts) await fixture.stop()
    await expect(pool.ask({ about: 'tags' }, { signal })).rejects.toMatchObject({ code: 'upstream_unreachable' })
    await expect(pool.ask({ about: 'version' }, { signal })).rejects.toMatchObject({ code: 'upstream_unreachable' })
    await hosts[0]!.fixture.start()
    expect((await pool.ask({ about: 'tags' }, { signal })).value).toEqual({ models: [{ name: 'm:latest', digest: 'a' }] })
    expect(await pool.ask({ about: 'version' }, { signal })).toBeDefined()
    await hosts[1]!.fixture.start()
  })

  test('are waited for by the first requests, for a second at most', async () => {
    const [a, b] = await start('a', 'b')
    b!.fixture.on('GET /api/tags', silent())
    let time = 0
    const pool = coldPoolOf([a!, b!], { now: () => time })
    const first = chat(pool)
    await expect.poll(() => a!.fixture.requests.length).toBe(2)
    expect([a!.chats, b!.chats]).toEqual([0, 0])
    expect(await first).toMatchObject({ host: 'a' })
    time = 1000
    const startedAt = performance.now()
    await chat(pool)
    expect(performance.now() - startedAt).toBeLessThan(500)
  })

  test('are refreshed in the background, so a machine that wakes up gets requests again', async () => {
    const [a, b] = await start('a', 'b')
    let time = 0
    const pool = await poolOf([a!, b!], { settings: { b: { tier: 2 } }, now: () => time })
    await a!.fixture.stop()
    expect(await chat(pool)).toMatchObject({ host: 'b', failovers: 1 })
    await expect.poll(() => pool.view().hosts[0]).toMatchObject({ breaker: 'open' })
    await a!.fixture.start()
    time = 4000
    expect(await chat(pool)).toMatchObject({ host: 'b' })
    expect(pool.view().hosts[0]).toMatchObject({ breaker: 'open' })
    time = 6000
    expect(await chat(pool)).toMatchObject({ host: 'b' })
    await expect.poll(() => pool.view().hosts[0]).toMatchObject({ breaker: 'half_open' })
    expect(await chat(pool)).toMatchObject({ host: 'a' })
    expect(pool.view().hosts[0]).toMatchObject({ breaker: 'closed', isUp: true })
  })

  test('of one host are not asked for, except by the view', async () => {
    const [a] = await start('a')
    const pool = coldPoolOf([a!])
    expect(await chat(pool)).toEqual({ text: ' a a' })
    expect(a!.fixture.requests).toHaveLength(1)
    expect(pool.view().hosts).toMatchObject([{ name: 'a', loaded: ['m:latest'], installed: [] }])
    await expect.poll(() => pool.view().hosts[0]!.installed).toEqual(['m:latest'])
  })
})

describe('what is about the models of one machine', () => {
  const pull = { endpoint: 'pull', model: 'm', body: {} } as const

  test('needs its name', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!])
    const refused = { code: 'invalid_request', message: /x-sluice-host.*\?host=.*a, b$/ }
    const digest = `sha256:${'0'.repeat(64)}` as const
    await expect(pool.generate(pull, { signal })).rejects.toMatchObject(refused)
    await expect(pool.ask({ about: 'delete', body: { model: 'm' } }, { signal })).rejects.toMatchObject(refused)
    await expect(pool.blob({ digest, content: undefined }, { signal })).rejects.toMatchObject(refused)
    await expect(pool.generate(pull, { signal, host: 'A' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('goes to the named host, which is not replaced, and whose models are then listed anew', async () => {
    const [a, b] = await start('a', 'b')
    const pool = await poolOf([a!, b!])
    const lines: Script = (exchange) => {
      exchange.head(200, { 'content-type': 'application/x-ndjson' })
      exchange.chunk('{"status":"success"}\n')
      exchange.end()
    }
    b!.fixture.on('POST /api/pull', lines)
    const notes: object = {}
    const generation = await pool.generate(pull, { signal, host: 'b', note: (more) => void Object.assign(notes, more) })
    await generation.flow(() => {})
    b!.installed.push('new')
    generation.close({ how: 'done' })
    expect(notes).toEqual({ host: 'b' })
    await expect.poll(() => pool.view().hosts[1]!.installed).toContain('new')
    b!.fixture.on('POST /api/pull', (exchange) => exchange.reset())
    await expect(pool.generate(pull, { signal, host: 'b' })).rejects.toMatchObject({ code: 'upstream_unreachable' })
    expect(a!.fixture.requests.some(({ target }) => target === '/api/pull')).toBe(false)
  })

  test('needs no name if there is only one', async () => {
    const [a] = await start('a')
    a!.fixture.on('DELETE /api/delete', json({}))
    const pool = coldPoolOf([a!])
    await pool.ask({ about: 'delete', body: { model: 'm' } }, { signal })
    await expect(pool.ask({ about: 'delete', body: { model: 'm' } }, { signal, host: 'b' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  test('a description comes from a host that has the model', async () => {
    const [a, b] = await start('a', 'b')
    b!.installed.push('only-b')
    for (const { fixture, name } of [a!, b!]) fixture.on('POST /api/show', json({ from: name }))
    const pool = await poolOf([a!, b!])
    expect((await pool.ask({ about: 'show', body: { name: 'only-b' } }, { signal })).value).toEqual({ from: 'b' })
  })
})

test('if all breakers are open, one host is tried all the same', async () => {
  const hosts = await start('a', 'b')
  const pool = await poolOf(hosts)
  for (const { fixture } of hosts) await fixture.stop()
  await expect(chat(pool)).rejects.toMatchObject({ code: 'upstream_unreachable' })
  expect(pool.view().hosts).toMatchObject([{ breaker: 'open' }, { breaker: 'open' }])
  for (const { fixture } of hosts) await fixture.start()
  expect(await chat(pool)).toMatchObject({ text: expect.stringMatching(/^ [ab] [ab]$/) as string })
})

test('a host that answers 503 counts as busy for its Retry-After, and for 5 s without one', async () => {
  const hosts = await start('a', 'b')
  const [a, b] = hosts
  let time = 0
  const pool = await poolOf(hosts, { settings: { a: { max: 1 }, b: { tier: 2 } }, now: () => time })
  const retryAfter = { 'content-type': 'application/json', 'content-length': '2', 'retry-after': '60' }
  a!.answer = (exchange) => (exchange.head(503, retryAfter), exchange.chunk('{}'), exchange.end())
  expect(await chat(pool)).toMatchObject({ host: 'b', failovers: 1 })
  a!.answer = json({}, 503)
  for (const [at, chats] of [
    [59_999, 1],
    [60_000, 2],
    [64_999, 2],
    [65_000, 3],
  ] as const) {
    time = at
    await chat(pool)
    expect([at, a!.chats]).toEqual([at, chats])
  }
  expect(b!.chats).toBe(5)
})

test('a load is never cut: a host without an answer keeps its request', async () => {
  const hosts = await start('a', 'b')
  const [a, b] = hosts
  const pool = await poolOf(hosts, { settings: { b: { tier: 2 } } })
  const gate = Promise.withResolvers<void>()
  a!.answer = async (exchange) => {
    await gate.promise
    await tokens({ count: 1 })(exchange)
  }
  const asked = chat(pool)
  await expect.poll(() => a!.chats).toBe(1)
  gate.resolve()
  expect(await asked).toMatchObject({ host: 'a' })
  expect(b!.chats).toBe(0)
})

test('a host that is no Ollama gets no request', async () => {
  const stranger = await startUpstream()
  for (const route of ['GET /api/tags', 'GET /api/ps'])
    stranger.on(route, (exchange) => {
      exchange.head(200, { 'content-type': 'text/html' })
      exchange.chunk('<!doctype html>')
      exchange.end()
    })
  const [a] = await start('a')
  const pool = await poolOf([{ name: 'page', fixture: stranger }, a!], { settings: { a: { tier: 2 } } })
  expect(await chat(pool)).toEqual({ host: 'a', text: ' a a' })
  await stranger.close()
})
