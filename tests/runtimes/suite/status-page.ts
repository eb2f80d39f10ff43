import { createHash } from 'node:crypto'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { json, thenSilent } from '#fake-ollama/scripts.ts'
import { askToResume, generate, read, readAll, toTold, type ReaderRequest } from '../reader.ts'
import { toRunPath } from '../resumable.ts'
import { startServer, useStage, type RuntimeName } from '../server.ts'

/** The parts of `GET /status/data` that these tests look at. */
interface Data {
  readonly open: number
  readonly waiting: number
  readonly streams: readonly Readonly<Record<string, unknown>>[]
  readonly minutes: readonly { readonly requests: number; readonly failures: number; readonly tokens: number }[]
  readonly failures: readonly Readonly<Record<string, unknown>>[]
}

const isFirst = (text: string) => text.includes(' token')
const secret = 'sluice-secret-of-alice'
const alice = { authorization: `Bearer ${secret}` }
const keys = { SLUICE_API_KEYS: `alice:${createHash('sha256').update(secret).digest('hex')}` }

/** The requests that only an operator may send. */
const operations: readonly ReaderRequest[] = [
  { path: '/status/data', method: 'GET' },
  { path: '/status/data', method: 'HEAD' },
  { path: '/status/data', method: 'POST' },
  { path: '/status/streams?request_id=its-id', method: 'DELETE' },
  { path: '/status/streams', method: 'DELETE' },
  { path: '/status/streams', method: 'GET' },
]

/** The page of the operator and its data (docs/protocol.md#10-status). */
export function describeStatusPage(runtime: RuntimeName) {
  // A Worker cannot tell a caller on its machine from others.
  const canBeOpen = runtime !== 'worker'

  function useAsk(env: Readonly<Record<string, string>>) {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_ALLOWED_HOSTS: 'chat.example', ...env })
    const ask = (request: ReaderRequest, headers: Readonly<Record<string, string>> = {}) =>
      readAll(read(stage.server, { ...request, headers: { 'x-request-id': 'its-own', ...headers } }))

    /** Expects exactly what a path without a route gets: the same head, and the same bytes. */
    async function expectNothing(request: ReaderRequest, headers: Readonly<Record<string, string>> = {}) {
      const { date: _, ...head } = (await ask({ ...request, path: '/nothing/here' }, headers)).headers
      const answer = await ask(request, headers)
      const { date: _date, ...found } = answer.headers
      expect([answer.status, found]).toEqual([404, head])
      expect(answer.text).toBe((await ask({ ...request, path: '/nothing/here' }, headers)).text)
    }
    return { stage, ask, expectNothing }
  }

  describe('/status, without keys and without SLUICE_OPERATOR', () => {
    const { expectNothing } = useAsk({ SLUICE_INSECURE: '1' })

    test.each(operations)('there is nothing at $method $path', (request) => expectNothing(request))
  })

  test.runIf(canBeOpen)('the demo shows the data of /status to this machine, without any variable', async () => {
    const demo = await startServer(runtime, { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
    onTestFinished(demo.stop)
    const ask = (headers: Record<string, string>) => readAll(read(demo, { path: '/status/data', headers }))
    expect(await ask({})).toMatchObject({ status: 200 })
    expect(await ask({ 'x-real-ip': '127.0.0.1' })).toMatchObject({ status: 404 })
  })

  describe('/status, with keys', () => {
    const { stage, ask, expectNothing } = useAsk({ ...keys, SLUICE_OPERATOR: '1' })

    test('the page is open, and has the policy of a page', async () => {
      const page = await ask({ path: '/status' })
      expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
      expect(page.headers['content-security-policy']).toBe(
        (await ask({ path: '/' }, { accept: 'text/html' })).headers['content-security-policy'],
      )
      const files = [...page.text.matchAll(/"(\/assets\/[\w.-]+)"/g)].map(([, path]) => path!)
      expect(files).toHaveLength(3)
      for (const path of files) expect(await ask({ path })).toMatchObject({ status: 200 })
    })

    test.each(operations)('$method $path is 401 without a key', async (request) => {
      expect((await ask(request)).status).toBe(401)
    })

    test.each(operations)('there is nothing at $method $path for a key without the right', (request) =>
      expectNothing(request, alice),
    )

    test('a key without the right stops nothing', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = generate(stage.server, 'sse', model, { headers: { ...alice, 'x-request-id': 'its-id' } })
      await reader.until(isFirst)
      await ask({ path: '/status/streams?request_id=its-id&key=alice', method: 'DELETE' }, alice)
      expect([reader.isEnded, stage.upstream.open]).toEqual([false, 1])
      reader.leave()
      await expect.poll(() => stage.upstream.open).toBe(0)
    })
  })

  describe('/status, without keys and with SLUICE_OPERATOR=1', () => {
    const { stage, ask, expectNothing } = useAsk({ SLUICE_OPERATOR: '1', SLUICE_INSECURE: '1', SLUICE_UPSTREAM_STREAMS: '300' })
    afterEach(() => expect.poll(() => stage.upstream.open).toBe(0))

    async function readData(): Promise<{ readonly data: Data; readonly text: string }> {
      const { status, headers, text } = await ask({ path: '/status/data' })
      expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
      return { data: JSON.parse(text) as Data, text }
    }
    const sum = (data: Data, name: 'requests' | 'failures' | 'tokens') =>
      data.minutes.reduce((total, minute) => total + minute[name], 0)
    const stop = (query: string) => ask({ path: `/status/streams?${query}`, method: 'DELETE' })

    test.each([
      ['another name', { host: 'chat.example' }],
      ['a proxy on this machine', { 'x-forwarded-for': '203.0.113.7' }],
      ['another proxy', { forwarded: 'for=203.0.113.7' }],
      ['a tunnel', { 'cf-connecting-ip': '203.0.113.7' }],
    ])('there is nothing through %s', async (_name, headers) => {
      for (const request of operations) await expectNothing(request, headers)
    })

    test.runIf(!canBeOpen)('there is nothing on Workers: only a key can have the right', async () => {
      for (const request of operations) await expectNothing(request)
    })

    test.runIf(canBeOpen)('another method is 405, and a request to stop needs an id', async () => {
      expect(await ask({ path: '/status/data', method: 'POST' })).toMatchObject({ status: 405, headers: { allow: 'GET' } })
      expect(await ask({ path: '/status/streams' })).toMatchObject({ status: 405, headers: { allow: 'DELETE' } })
      expect(JSON.parse((await stop('key=alice')).text)).toMatchObject({ code: 'invalid_request' })
      expect(JSON.parse((await stop('request_id=nobody')).text)).toMatchObject({ code: 'not_found' })
    })

    test.runIf(canBeOpen)(
      'the data has the open streams, without their words, and asks Ollama for its lists alone',
      async () => {
        const before = (await readData()).data
        const model = stage.upstream.script(thenSilent(2))
        const question = { model, prompt: 'a secret question' }
        const reader = generate(stage.server, 'sse', question, { headers: { 'x-request-id': '..' } })
        await reader.until((text) => text.split(' token').length > 2)
        const asked = stage.upstream.requests.length
        const { data, text } = await readData()
        expect(data).toMatchObject({ open: 1, waiting: 0 })
        expect(data.streams).toEqual([
          {
            request_id: '..',
            surface: 'native',
            model,
            state: 'streaming',
            tokens: 2,
            age_ms: expect.any(Number),
            ttft_ms: expect.any(Number),
          },
        ])
        expect(text).not.toMatch(/secret| token/)
        const targets = stage.upstream.requests.slice(asked).map(({ target }) => target)
        expect(targets.filter((target) => target !== '/api/tags' && target !== '/api/ps')).toEqual([])
        reader.leave()
        await expect.poll(async () => (await readData()).data.open).toBe(0)
        const after = (await readData()).data
        expect(sum(after, 'requests') - sum(before, 'requests')).toBe(1)
        expect(sum(after, 'tokens') - sum(before, 'tokens')).toBe(2)
        expect(sum(after, 'failures')).toBe(sum(before, 'failures'))
      },
    )

    test.runIf(canBeOpen)('a failure is in the list without its text, and equal ones are one entry', async () => {
      const model = stage.upstream.script(json({ error: 'a secret of the model' }, 500))
      for (let i = 0; i < 2; i++) await readAll(generate(stage.server, 'sse', model))
      const { data, text } = await readData()
      expect(data.failures[0]).toEqual({
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        count: 2,
        route: '/api/generate',
        surface: 'native',
        model,
        code: 'upstream_failed',
      })
      expect(text).not.toContain('secret')
    })

    test.runIf(canBeOpen)('a stream is stopped with one terminal, also if its id is no part of a path', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = generate(stage.server, 'sse', model, { headers: { 'x-request-id': '..' } })
      await reader.until(isFirst)
      expect(await stop('request_id=..&key=alice')).toMatchObject({ status: 404 })
      expect(await stop('request_id=..')).toMatchObject({ status: 204, text: '' })
      expect(await reader.ended).toBe('clean')
      expect(toTold('sse', reader.text)).toMatchObject({ text: ' token', failed: { code: 'cancelled' } })
      expect(reader.text.match(/event: failed/g)).toHaveLength(1)
      expect(await stop('request_id=..')).toMatchObject({ status: 404 })
    })

    test.runIf(canBeOpen)('a run without a reader is in the list as such, and is stopped', async () => {
      const reader = askToResume(stage, stage.upstream.script(thenSilent(1)), { headers: { 'x-request-id': 'its-run' } })
      const run = toRunPath(await reader.head)
      await reader.until(isFirst)
      reader.leave()
      await expect.poll(async () => (await readData()).data.streams.map(({ state }) => state)).toEqual(['detached'])
      expect(await stop('request_id=its-run')).toMatchObject({ status: 204 })
      const { text } = await readAll(read(stage.server, { path: run }))
      expect(toTold('sse', text)).toMatchObject({ failed: { code: 'cancelled' } })
      expect((await readData()).data.open).toBe(0)
    })

    test.runIf(canBeOpen)('an answer that waits in the queue is in the list as such', async () => {
      const readers = Array.from({ length: 301 }, () => generate(stage.server, 'sse', stage.upstream.script(thenSilent(1))))
      await expect.poll(async () => (await readData()).data).toMatchObject({ open: 301, waiting: 1 })
      for (const reader of readers) reader.leave()
    })

    test.runIf(canBeOpen)('250 streams are counted, and the 200 oldest are in the list', async () => {
      const readers = Array.from({ length: 250 }, (_, i) =>
        generate(stage.server, 'sse', stage.upstream.script(thenSilent(1)), { headers: { 'x-request-id': `of-${i}` } }),
      )
      await Promise.all(readers.map((reader) => reader.until(isFirst)))
      const { data } = await readData()
      expect([data.open, data.streams.length]).toEqual([250, 200])
      for (const reader of readers) reader.leave()
    })
  })

  describe('/status, for a key with admin', () => {
    const toKey = (name: string, more: object) => ({
      name,
      sha256: createHash('sha256').update(`sluice-secret-of-${name}`).digest('hex'),
      ...more,
    })
    const { stage, ask } = useAsk({
      SLUICE_API_KEYS: JSON.stringify({ keys: [toKey('alice', {}), toKey('op', { admin: true })] }),
      SLUICE_UPSTREAM_STREAMS: '1',
    })
    const op = { authorization: 'Bearer sluice-secret-of-op' }
    const readData = async () => JSON.parse((await ask({ path: '/status/data' }, op)).text) as Data

    test('the data have the answers of all keys and the hosts, and each answer can be stopped', async () => {
      const { server, upstream } = stage
      const restore = upstream.on('GET /api/ps', json({ models: [{ name: 'warm:1b' }] }))
      const model = upstream.script(thenSilent(1))
      const headers = { ...alice, 'x-request-id': 'hers' }
      const reader = generate(server, 'sse', model, { headers })
      await reader.until(isFirst)
      const queued = generate(server, 'sse', upstream.script(thenSilent(1)), { headers: { ...alice, 'x-request-id': 'next' } })
      await queued.until((text) => text === ':\n')
      const running = { request_id: 'hers', key: 'alice', model, state: 'streaming', tokens: 1 }
      const host = {
        up: true,
        breaker: 'closed',
        in_flight: 1,
        max: 1,
        loaded: expect.arrayContaining(['warm:1b']) as string[],
      }
      await expect.poll(readData).toMatchObject({
        open: 2,
        waiting: 1,
        streams: [running, { request_id: 'next', key: 'alice', state: 'queued' }],
        hosts: [host],
      })
      const stop = async (query: string, who: typeof op) =>
        (await ask({ path: `/status/streams?${query}`, method: 'DELETE' }, who)).status
      expect(await stop('request_id=next&key=alice', alice)).toBe(404)
      expect(await stop('request_id=next', op)).toBe(404) // no answer of its own has this id
      for (const [id, each] of [
        ['next', queued],
        ['hers', reader],
      ] as const) {
        expect(await stop(`request_id=${id}&key=alice`, op)).toBe(204)
        expect(await each.ended).toBe('clean')
        expect(toTold('sse', each.text)).toMatchObject({ failed: { code: 'cancelled' } })
      }
      await expect.poll(readData).toMatchObject({ open: 0, waiting: 0, streams: [], hosts: [{ in_flight: 0 }] })
      restore()
    })
  })
}
