import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, lines, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, read, readAll, readFailure, toTold } from '../reader.ts'
import { startServer, type RuntimeName, type Server } from '../server.ts'

/**
 * Two Ollamas behind one Sluice, and a third whose machine is off (docs/hosts.md). `first` has the
 * lower tier, so it gets each request that it can take.
 */
export function describeHosts(runtime: RuntimeName) {
  describe('several hosts', () => {
    let first: Upstream
    let second: Upstream
    let off: Upstream
    let server: Server

    beforeAll(async () => {
      ;[first, second, off] = [await startUpstream(), await startUpstream(), await startUpstream()]
      await off.stop()
      for (const [digest, upstream] of Object.entries({ first, second }))
        upstream.on('GET /api/tags', json({ models: [{ name: `${digest}:1b` }, { name: 'both:1b', digest }] }))
      server = await startServer(runtime, {
        OLLAMA_HOSTS: `first=${first.url};max=1,second=${second.url};tier=2,off=${off.url};tier=3`,
        OLLAMA_API_KEY_SECOND: 'sk-second',
        SLUICE_MANAGEMENT: '1',
        SLUICE_CORS_ORIGINS: 'https://chat.example',
      })
    })
    afterAll(async () => {
      await server.stop()
      for (const upstream of [first, second]) {
        expect(upstream.strangers).toEqual([])
        await upstream.close()
      }
    })

    /** Gives each host a script for one model. */
    function script(name: string, ofFirst: Parameters<Upstream['script']>[0], ofSecond = tokens({ count: 2 })): string {
      first.script(ofFirst, name)
      return second.script(ofSecond, name)
    }
    const ask = (model: string, framing: 'sse' | 'ndjson' | 'folded' = 'ndjson') => readAll(generate(server, framing, model))

    test('the lower tier answers, and the header says so, also to pages', async () => {
      const model = script('lower', tokens({ count: 2 }))
      const answer = await readAll(generate(server, 'ndjson', model, { headers: { origin: 'https://chat.example' } }))
      expect(answer).toMatchObject({ status: 200, headers: { 'x-sluice-host': 'first' } })
      expect(answer.headers['access-control-expose-headers']).toContain('x-sluice-host')
    })

    test('a full host lets the next tier answer', async () => {
      const model = script('both:1b', thenSilent(1))
      const held = generate(server, 'ndjson', model)
      await held.until((text) => text.includes('token'))
      expect(await ask(model)).toMatchObject({ headers: { 'x-sluice-host': 'second' } })
      const { exchange } = first.requestsFor(model)[0]!
      exchange.chunk('{"done":true}\n')
      exchange.end()
      expect(await held.ended).toBe('clean')
    })

    test('a host that fails before the first token is replaced, unseen', async () => {
      const model = script('moved', json({ error: 'out of memory' }, 500))
      const answer = await ask(model)
      expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'x-sluice-host': 'second' } })
      expect(toTold('ndjson', answer.text)).toMatchObject({ text: ' token token', failed: undefined })
      expect(second.requestsFor(model)[0]!.headers.authorization).toBe('Bearer sk-second')
      expect(first.requestsFor(model)[0]!.headers.authorization).toBeUndefined()
    })

    test('a response that is open already goes on at another host', async () => {
      const gate = Promise.withResolvers<void>()
      const model = script('late', async (exchange) => {
        await gate.promise
        await json({ error: 'busy' }, 500)(exchange)
      })
      const reader = generate(server, 'sse', model)
      await reader.until((text) => text.startsWith(':\n'))
      gate.resolve()
      expect(await reader.ended).toBe('clean')
      expect(toTold('sse', reader.text)).toMatchObject({ text: ' token token', failed: undefined })
    })

    test('a host that fails after a token is not: the answer has one terminal', async () => {
      const model = script(
        'cut',
        tokensThen([' one'], (exchange) => exchange.reset()),
      )
      const reader = generate(server, 'sse', model)
      await reader.until((text) => text.includes(' one'))
      first.requestsFor(model)[0]!.exchange.pass()
      await reader.ended
      expect(toTold('sse', reader.text)).toMatchObject({ text: ' one', failed: { code: 'upstream_failed' } })
      expect(reader.text.match(/event: failed/g)).toHaveLength(1)
      expect(second.requestsFor(model)).toEqual([])
    })

    test('the lists are those of all hosts, and the loaded models have the name of theirs', async () => {
      const tags = await readAll(read(server, { path: '/api/tags' }))
      expect(JSON.parse(tags.text)).toEqual({
        models: [{ name: 'first:1b' }, { name: 'both:1b', digest: 'first' }, { name: 'second:1b' }],
      })
      const listed = await readAll(read(server, { path: '/v1/models' }))
      const { data } = JSON.parse(listed.text) as { data: { id: string }[] }
      expect(data.map(({ id }) => id)).toEqual(['first:1b', 'both:1b', 'second:1b'])
      const ps = await readAll(read(server, { path: '/ollama/api/ps' }))
      const { models } = JSON.parse(ps.text) as { models: { sluice_host: string }[] }
      expect(new Set(models.map(({ sluice_host }) => sluice_host))).toEqual(new Set(['first', 'second']))
    })

    test('it is ready, though one host is off', async () => {
      expect(await readAll(read(server, { path: '/readyz' }))).toMatchObject({ status: 200 })
    })

    test('management goes to the host that the request names, by a header or in the query', async () => {
      const pull = { body: { model: 'new', stream: false } }
      const answer = lines(['{"status":"success"}'])
      for (const upstream of [first, second]) upstream.on('POST /api/pull', answer)
      const unnamed = await readFailure(read(server, { path: '/api/pull', ...pull }))
      expect(unnamed).toMatchObject({ status: 400, code: 'invalid_request' })
      expect(unnamed.error).toMatch(/x-sluice-host.*\?host=.*first, second, off$/)
      const unknown = await readFailure(read(server, { path: '/api/pull?host=third', ...pull }))
      expect(unknown).toMatchObject({ status: 400, code: 'invalid_request' })
      const count = (upstream: Upstream) => upstream.requests.filter(({ target }) => target === '/api/pull').length
      expect([count(first), count(second)]).toEqual([0, 0])
      const named = await readAll(read(server, { path: '/api/pull', headers: { 'x-sluice-host': 'second' }, ...pull }))
      expect(named).toMatchObject({ status: 200, headers: { 'x-sluice-host': 'second' } })
      const queried = await readAll(read(server, { path: '/ollama/api/pull?host=first', ...pull }))
      expect(queried).toMatchObject({ status: 200 })
      expect([count(first), count(second)]).toEqual([1, 1])
    })

    test('a named host that is off is a failure, although others live', async () => {
      const model = script('named', tokens({ count: 1 }))
      const failure = await readFailure(generate(server, 'ndjson', model, { headers: { 'x-sluice-host': 'off' } }))
      expect(failure).toMatchObject({ status: 502, code: 'upstream_unreachable' })
      expect(failure.error).toContain('OLLAMA_HOSTS')
      expect(failure.error).not.toContain('127.0.0.1')
      expect(failure.headers).not.toHaveProperty('x-sluice-host')
    })

    test('the log has the host, and how many have failed before', () => {
      const logged = server
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { model?: string; host?: string; failovers?: number; status: number })
      const of = (name: string) => logged.find(({ model, status }) => model === name && status === 200)
      expect(of('lower')).toMatchObject({ host: 'first' })
      expect(of('lower')).not.toHaveProperty('failovers')
      expect(of('moved')).toMatchObject({ host: 'second', failovers: 1 })
    })
  })

  describe('several hosts that are equal', () => {
    let hosts: Upstream[]
    let server: Server
    const model = 'both:1b'

    beforeAll(async () => {
      hosts = [await startUpstream(), await startUpstream()]
      for (const upstream of hosts) {
        // The model is in memory everywhere, so only the conversation makes a difference.
        for (const list of ['tags', 'ps'])
          upstream.on(`GET /api/${list}`, json({ models: [{ name: model, context_length: 8192 }] }))
        upstream.script(tokens({ count: 1 }), model)
      }
      server = await startServer(runtime, { OLLAMA_HOSTS: hosts.map(({ url }, i) => `host-${i}=${url}`).join() })
    })
    afterAll(async () => {
      await server.stop()
      for (const upstream of hosts) await upstream.close()
    })

    const counts = () => hosts.map((upstream) => upstream.requestsFor(model).length)
    /** Sends a request, and returns which host got it. */
    async function ask(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<number> {
      const before = counts()
      expect(await readAll(read(server, { path, body: { model, ...body }, headers }))).toMatchObject({ status: 200 })
      return counts().findIndex((count, i) => count > before[i]!)
    }
    const chat = (text: string) => ({ messages: [{ role: 'user', content: text }] })
    const uiChat = (text: string) => ({ messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text }] }] })

    test.each<readonly [string, (name: string, text: string) => Promise<number>]>([
      ['x-session-id', (name, text) => ask('/v1/chat/completions', chat(text), { 'x-session-id': name })],
      ['session-id', (name, text) => ask('/api/chat', chat(text), { 'session-id': name })],
      ['x-openwebui-chat-id', (name, text) => ask('/api/chat', chat(text), { 'x-openwebui-chat-id': name })],
      ['the chat id of the AI SDK', (name, text) => ask('/api/ui/chat', { id: name, ...uiChat(text) })],
      [
        'the first message',
        (name, text) => ask('/api/chat', { messages: [...chat(name).messages, { role: 'user', content: text }] }),
      ],
    ])('a conversation stays at its host, by %s, and conversations spread', async (_, send) => {
      const seen = new Set<number>()
      for (let i = 0; i < 12; i++) {
        const host = await send(`name ${i}`, 'one')
        expect(await send(`name ${i}`, 'two')).toBe(host)
        seen.add(host)
      }
      expect(seen.size).toBe(2)
    })
  })
}
