import { createHash } from 'node:crypto'
import OpenAI, { APIError, NotFoundError, RateLimitError } from 'openai'
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { afterEach, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { lines, replay, silent, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { startLink } from '../link.ts'
import { read, readAll, toSseEvents } from '../reader.ts'
import { type PairName, type RuntimeName, type Stage, startServer, testOfOneProcess, useStage } from '../server.ts'

/**
 * Without heartbeats, only a stop and not a failed write can end a generation (docs/hazards.md#11).
 */
const quiet = { SLUICE_HEARTBEAT_MS: '3600000', SLUICE_RESUME_MAX_DETACHED: '1000' }

const gone = { status: 404, code: 'not_found' }

/** Waits until the test calls `pass`, and then runs a script. */
const whenPassed =
  (script: Script): Script =>
  async (exchange) => {
    await exchange.passed
    await script(exchange)
  }

/** Sends two tokens, and more of them after the test has called `pass`. */
const inTwoParts = (more: number): Script =>
  tokensThen([' 0', ' 1'], (exchange) => {
    for (let index = 2; index < 2 + more; index++) exchange.chunk(`${toDeltaLine(exchange.request, ` ${index}`)}\n`)
    exchange.chunk(`${toDoneLine(exchange.request, 2 + more)}\n`)
    exchange.end()
  })

const isText = ({ type }: ResponseStreamEvent) => type === 'response.output_text.delta'
const textOf = (events: readonly ResponseStreamEvent[]) =>
  events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')

/** Reads events until one of them passes the test, or until the stream ends. */
async function readUntil(
  stream: AsyncIterable<ResponseStreamEvent>,
  isLast: (event: ResponseStreamEvent) => boolean = () => false,
): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = []
  for await (const event of stream) {
    events.push(event)
    if (isLast(event)) break
  }
  return events
}

/** OpenAI's background responses (docs/protocol.md#6-dialects), with OpenAI's own client. */
export function describeBackgroundResponses(runtime: RuntimeName | PairName) {
  describe('background responses', () => {
    describeWithLogs(runtime)
  })
}

function toClient(url: string, apiKey = 'none') {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }).responses
}
type Client = ReturnType<typeof toClient>

/** Polls a response until it has this status. */
async function poll(client: Client, id: string, status: Response['status']): Promise<Response> {
  let response: Response
  await expect.poll(async () => (response = await client.retrieve(id)).status).toBe(status)
  return response!
}

function describeWithLogs(runtime: RuntimeName | PairName) {
  describe('in OpenAI’s SDK', () => {
    const stage = useStage(runtime, quiet)
    const client = () => toClient(stage.server.url)
    const ask = (script: Script) => ({ model: stage.upstream.script(script), input: 'Hi', background: true })
    const exchangeOf = async (model: string) => (await stage.upstream.next(model)).exchange

    afterEach(() => expect.poll(() => stage.upstream.open).toBe(0))

    test('are queued, in progress and completed', async () => {
      const request = ask(silent())
      const created = await client().create({ ...request, metadata: { a: 'b' }, instructions: 'Be brief' })
      const id = expect.stringMatching(/^resp_(?:[\da-f]{32}){1,2}$/)
      const asked = { model: request.model, metadata: { a: 'b' }, instructions: 'Be brief', background: true, store: true }
      expect(created).toMatchObject({ id, object: 'response', status: 'queued', output: [], error: null, ...asked })
      expect(Math.abs(created.created_at - Date.now() / 1000)).toBeLessThan(60)
      expect(await client().retrieve(created.id)).toEqual(created)

      const exchange = await exchangeOf(request.model)
      const answered = inTwoParts(1)(exchange)
      expect(await poll(client(), created.id, 'in_progress')).toEqual({ ...created, status: 'in_progress' })

      exchange.pass()
      await answered
      const completed = await poll(client(), created.id, 'completed')
      expect(completed).toMatchObject({ ...asked, id: created.id, created_at: created.created_at, output_text: ' 0 1 2' })
      expect(completed.usage).toMatchObject({ input_tokens: 9, output_tokens: 3 })
      expect(completed.output[0]!.id).toBe(`${created.id.replace('resp', 'msg')}_0`)
      expect(await client().retrieve(created.id)).toEqual(completed)
    })

    test('are incomplete when the token limit cut them', async () => {
      const done = { model: 'x', message: { role: 'assistant', content: 'Hel' }, done: true, done_reason: 'length' }
      const { id } = await client().create(ask(lines([JSON.stringify(done)])))
      const incomplete_details = { reason: 'max_output_tokens' }
      expect(await poll(client(), id, 'incomplete')).toMatchObject({ incomplete_details, output_text: 'Hel' })
    })

    test.each<[string, Script, string]>([
      ['before the first token', replay('error-busy'), 'upstream_busy'],
      ['in the middle', tokensThen([' 0'], ({ reset }) => reset()), 'upstream_failed'],
    ])('are failed when Ollama fails %s, and keep what was said', async (when, script, code) => {
      const request = ask(script)
      const { id, status } = await client().create(request)
      expect(status).toBe('queued')
      const exchange = await exchangeOf(request.model)
      if (when === 'in the middle') {
        await poll(client(), id, 'in_progress')
        exchange.pass()
      }
      const failed = await poll(client(), id, 'failed')
      const item = { type: 'message', status: 'incomplete', content: [{ text: ' 0' }] }
      expect(failed).toMatchObject({ id, error: { code }, output: when === 'in the middle' ? [item] : [] })
    })

    test('are failed when there is no such model', async () => {
      const { id } = await client().create({ model: 'nobody', input: 'Hi', background: true })
      expect(await poll(client(), id, 'failed')).toMatchObject({ error: { code: 'model_not_found' }, output: [] })
    })

    test('call a demanded tool, and are failed without a call', async () => {
      const demand = {
        tools: [{ type: 'function' as const, name: 'get_weather', parameters: {}, strict: false }],
        tool_choice: 'required' as const,
      }
      const called = await client().create({ ...ask(replay('chat-tool-call')), ...demand })
      expect((await poll(client(), called.id, 'completed')).output).toMatchObject([
        { type: 'function_call', name: 'get_weather' },
      ])
      const silentOne = await client().create({ ...ask(tokens({ count: 1 })), ...demand })
      expect(await poll(client(), silentOne.id, 'failed')).toMatchObject({ error: { code: 'no_tool_call' } })
    })

    test('stream from their first event, and go on where the connection broke: nothing is lost or doubled', async () => {
      const link = await startLink(stage.server.port)
      const request = ask(inTwoParts(50))
      const events: ResponseStreamEvent[] = []
      const reading = async () => {
        for await (const event of await toClient(link.url).create({ ...request, stream: true })) {
          events.push(event)
          if (textOf(events) === ' 0 1') link.cut()
        }
      }
      await expect(reading()).rejects.toThrow(/./)
      expect(events.map(({ type }) => type).slice(0, 3)).toEqual([
        'response.created',
        'response.queued',
        'response.in_progress',
      ])
      const { response } = events[0] as { response: Response }
      expect(response).toMatchObject({ status: 'queued', background: true })

      const exchange = await exchangeOf(request.model)
      exchange.pass()
      const from = events.at(-1)!.sequence_number
      const rest = await readUntil(await toClient(link.url).retrieve(response.id, { stream: true, starting_after: from }))
      const all = [...events, ...rest]
      expect(all.map(({ sequence_number: number }) => number)).toEqual(all.map((_, index) => index))
      expect(textOf(all)).toBe(Array.from({ length: 52 }, (_, index) => ` ${index}`).join(''))
      expect(all.at(-1)).toMatchObject({ type: 'response.completed', response: { id: response.id } })
      expect(stage.upstream.requestsFor(request.model)).toHaveLength(1)

      const again = await readUntil(await client().retrieve(response.id, { stream: true }))
      expect(again).toEqual(all)
      const helper = client().stream({ response_id: response.id, starting_after: from })
      const replayed = await readUntil(helper)
      expect(replayed).toHaveLength(rest.length)
      expect((await helper.finalResponse()).output_text).toBe(textOf(all))
      link.stop()
    })

    test('whose connection broke before the first token have an id already, and can be read', async () => {
      const link = await startLink(stage.server.port)
      const request = ask(whenPassed(tokens({ count: 2 })))
      let id = ''
      const reading = async () => {
        for await (const event of await toClient(link.url).create({ ...request, stream: true }))
          if (event.type === 'response.queued') {
            ;({ id } = event.response)
            link.stop()
          }
      }
      await expect(reading()).rejects.toThrow(/./)
      const exchange = await exchangeOf(request.model)
      exchange.pass()
      const events = await readUntil(await client().retrieve(id, { stream: true, starting_after: 1 }))
      expect(events[0]).toMatchObject({ type: 'response.in_progress', sequence_number: 2 })
      expect(textOf(events)).toBe(' token token')
    })

    test('that were created without a stream can be streamed, and have any number of readers', async () => {
      const request = ask(inTwoParts(3))
      const { id } = await client().create(request)
      const streams = await Promise.all([1, 2, 3].map(() => client().retrieve(id, { stream: true })))
      const reading = streams.map((stream) => readUntil(stream))
      const [early] = streams
      expect(early).toBeDefined()
      ;(await exchangeOf(request.model)).pass()
      for (const events of await Promise.all(reading)) expect(textOf(events)).toBe(' 0 1 2 3 4')
    })

    test('have an empty stream after their last event', async () => {
      const { id } = await client().create(ask(tokens({ count: 1 })))
      await poll(client(), id, 'completed')
      const events = await readUntil(await client().retrieve(id, { stream: true }))
      const { sequence_number: last } = events.at(-1)!
      expect(await readUntil(await client().retrieve(id, { stream: true, starting_after: last }))).toEqual([])
      const beyond = client().retrieve(id, { stream: true, starting_after: last + 1 })
      await expect(beyond).rejects.toMatchObject({ status: 400, code: 'invalid_request' })
    })

    test.each(['-1', '1.5', 'x', '', '1&starting_after=2', '9'.repeat(30)])('cannot be streamed after %j', async (after) => {
      const { id } = await client().create(ask(tokens({ count: 1 })))
      const path = `/v1/responses/${id}?stream=true&starting_after=${after}`
      const { status, text } = await readAll(read(stage.server, { path }))
      expect([status, JSON.parse(text)]).toMatchObject([400, { error: { code: 'invalid_request' } }])
    })

    describe('are cancelled', () => {
      test.each<[string, Script, Response['status']]>([
        ['before the first token', silent(), 'queued'],
        ['between tokens', thenSilent(2), 'in_progress'],
      ])('%s: the upstream stops, and every reader gets one terminal', async (_name, script, status) => {
        const request = ask(script)
        const { id } = await client().create(request)
        const exchange = await exchangeOf(request.model)
        await poll(client(), id, status)
        const events: ResponseStreamEvent[] = []
        const reading = async () => {
          for await (const event of await client().retrieve(id, { stream: true })) events.push(event)
        }
        const read = reading().catch((error: unknown) => error)
        await expect.poll(() => events.some(({ type }) => type === 'response.queued')).toBe(true)
        const cancelled = await client().cancel(id)
        const output = status === 'queued' ? [] : [{ status: 'incomplete', content: [{ text: ' token token' }] }]
        expect(cancelled).toMatchObject({ id, status: 'cancelled', error: null, usage: null, output })
        await exchange.closedByReader
        const error = await read
        expect(error).toBeInstanceOf(APIError)
        expect(error).toMatchObject({ code: 'cancelled' })
        expect(await client().cancel(id)).toEqual(cancelled)
        expect(await client().retrieve(id)).toMatchObject(cancelled)
        const { text } = await readAll(open(stage, `/v1/responses/${id}?stream=true`))
        expect(text.match(/^event: response\.(?:completed|failed|incomplete)$/gm)).toEqual(['event: response.failed'])
      })

      test('after their end: nothing changes', async () => {
        const { id } = await client().create(ask(tokens({ count: 1 })))
        const completed = await poll(client(), id, 'completed')
        expect(completed).toMatchObject(await client().cancel(id))
        expect(await client().retrieve(id)).toEqual(completed)
      })

      test('by the path of their stream, too', async () => {
        const stream = await client()
          .create({ ...ask(thenSilent(1)), stream: true })
          .withResponse()
        const path = stream.response.headers.get('content-location')!
        await readUntil(stream.data, isText)
        expect(await readAll(read(stage.server, { path, method: 'DELETE' }))).toMatchObject({ status: 204 })
        expect(await client().retrieve(path.replace('/streams/', 'resp_'))).toMatchObject({ status: 'cancelled' })
      })
    })

    describe('are deleted', () => {
      test.each<[string, Script]>([
        ['before the first token', silent()],
        ['between tokens', thenSilent(1)],
      ])('%s: the upstream stops, and the response is unknown', async (_name, script) => {
        const request = ask(script)
        const { id } = await client().create(request)
        const exchange = await exchangeOf(request.model)
        const viewer = open(stage, `/v1/responses/${id}?stream=true`)
        await viewer.until((text) => text.includes('response.queued'))
        const path = `/v1/responses/${id}`
        const { status, text } = await readAll(read(stage.server, { path, method: 'DELETE' }))
        expect([status, JSON.parse(text)]).toEqual([200, { id, object: 'response', deleted: true }])
        await expect(client().retrieve(id)).rejects.toMatchObject(gone)
        await exchange.closedByReader
        const viewed = await readAll(viewer)
        expect(viewed.ended).toBe('clean')
        expect(toSseEvents(viewed.text).at(-1)!.data).toContain('"code":"cancelled"')
        await expect(client().delete(id)).rejects.toMatchObject(gone)
        await expect(client().cancel(id)).rejects.toMatchObject(gone)
        expect(await readAll(read(stage.server, { path: id.replace('resp_', '/streams/') }))).toMatchObject({ status: 404 })
      })

      test('after their end', async () => {
        const { id } = await client().create(ask(tokens({ count: 1 })))
        await poll(client(), id, 'completed')
        await client().delete(id)
        await expect(client().retrieve(id)).rejects.toBeInstanceOf(NotFoundError)
      })
    })

    test('go on to their end without any reader, and a poll is no reader', async () => {
      const request = ask(inTwoParts(3))
      const stream = await client().create({ ...request, stream: true })
      const events = await readUntil(stream, isText)
      stream.controller.abort()
      const { id } = (events[0] as { response: Response }).response
      ;(await exchangeOf(request.model)).pass()
      expect(await poll(client(), id, 'completed')).toMatchObject({ output_text: ' 0 1 2 3 4' })
    })

    test('are refused with store: false, because they must be kept', async () => {
      const creating = client().create({ ...ask(tokens({ count: 1 })), store: false })
      await expect(creating).rejects.toMatchObject({ status: 400, code: 'not_supported', param: 'store' })
    })

    test('have the same routes under /ollama/v1', async () => {
      const own = toClient(`${stage.server.url}/ollama`)
      const { id } = await own.create(ask(tokens({ count: 2 })))
      expect(await poll(own, id, 'completed')).toMatchObject({ output_text: ' token token' })
      expect(textOf(await readUntil(await own.retrieve(id, { stream: true })))).toBe(' token token')
      expect(await own.cancel(id)).toMatchObject({ status: 'completed' })
      await own.delete(id)
      await expect(own.retrieve(id)).rejects.toMatchObject(gone)
    })

    test.each([
      ['GET', '/cancel'],
      ['POST', ''],
      ['HEAD', ''],
    ])('have no %s %s', async (method, more) => {
      const { id } = await client().create(ask(tokens({ count: 1 })))
      const path = `/v1/responses/${id}${more}`
      expect(await readAll(read(stage.server, { path, method }))).toMatchObject({ status: 405 })
    })

    test('are found by their own ids only: a resumable response that is no background response is unknown', async () => {
      const { response } = await client()
        .create({ ...ask(tokens({ count: 1 })), background: false, stream: true }, { headers: { prefer: 'resume=30' } })
        .withResponse()
      const run = response.headers.get('content-location')!.replace('/streams/', '')
      await response.body?.cancel()
      for (const id of [`resp_${run}`, run, `resp_${run}.0`, 'resp_', `resp_${'a'.repeat(65)}`])
        await expect(client().retrieve(id)).rejects.toMatchObject(gone)
    })
  })

  describe('of one key', () => {
    const keys = { a: 'key-of-a', b: 'key-of-b' }
    const toHash = (key: string) => createHash('sha256').update(key).digest('hex')
    const stage = useStage(runtime, {
      ...quiet,
      SLUICE_API_KEYS: Object.entries(keys)
        .map(([name, key]) => `${name}:${toHash(key)}`)
        .join(','),
      SLUICE_MAX_STREAMS_PER_KEY: '1',
      SLUICE_RESUME_KEEP_SECONDS: '0',
      SLUICE_LOG: 'json',
    })
    const client = (name: keyof typeof keys) => toClient(stage.server.url, keys[name])

    test('are unknown to another key, in the same words as a response that does not exist', async () => {
      const { id } = await client('a').create({ model: stage.upstream.script(silent()), input: 'Hi', background: true })
      const unknown = `resp_${'0'.repeat(32)}`
      const headers = { authorization: `Bearer ${keys.b}` }
      for (const [method, more] of [
        ['GET', ''],
        ['GET', '?stream=true'],
        ['GET', '?stream=true&starting_after=1'],
        ['POST', '/cancel'],
        ['DELETE', ''],
      ] as const) {
        const asked = [id, unknown].map((asked) =>
          read(stage.server, { path: `/v1/responses/${asked}${more}`, method, headers }),
        )
        const [others, nobodys] = await Promise.all(asked.map((reader) => readAll(reader)))
        expect(others!.status).toBe(404)
        expect(others!.text).toBe(nobodys!.text)
        expect(Object.keys(others!.headers)).toEqual(Object.keys(nobodys!.headers))
        expect(JSON.parse(others!.text)).toMatchObject({ error: { type: 'not_found_error', code: 'not_found', param: null } })
      }
      expect(await client('a').cancel(id)).toMatchObject({ status: 'cancelled' })
      expect(stage.server.output()).not.toContain(id.slice('resp_'.length))
    })

    test('count as its answers until they end, but their polls, streams and cancels do not', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const request = { model, input: 'Hi' }
      const { id } = await client('a').create({ ...request, model: stage.upstream.script(thenSilent(1)), background: true })
      await expect(client('a').create(request)).rejects.toBeInstanceOf(RateLimitError)
      await readUntil(await client('a').retrieve(id, { stream: true }), isText)
      await client('a').retrieve(id)
      await client('a').cancel(id)
      await expect
        .poll(() =>
          client('a')
            .create(request)
            .then(
              () => 'ok',
              () => 'busy',
            ),
        )
        .toBe('ok')
    })

    test('are kept after their end, even if other answers are not', async () => {
      const request = { model: stage.upstream.script(tokens({ count: 1 })), input: 'Hi' }
      const { id } = await client('b').create({ ...request, background: true })
      await poll(client('b'), id, 'completed')
      const stream = await client('b')
        .create({ ...request, stream: true }, { headers: { prefer: 'resume=30' } })
        .withResponse()
      await readUntil(stream.data)
      const headers = { authorization: `Bearer ${keys.b}` }
      const path = stream.response.headers.get('content-location')!
      await expect.poll(async () => (await readAll(read(stage.server, { path, headers }))).status).toBe(404)
      expect(await client('b').retrieve(id)).toMatchObject({ status: 'completed', output_text: ' token' })
    })
  })

  describe('with SLUICE_RESUME_MAX_DETACHED=2', () => {
    const stage = useStage(runtime, { ...quiet, SLUICE_RESUME_MAX_DETACHED: '2' })

    testOfOneProcess(runtime)('get 429 if one more would go on, until one is over', async () => {
      const client = toClient(stage.server.url)
      const model = stage.upstream.script(silent())
      const request = { model, input: 'Hi', background: true }
      const { id } = await client.create(request)
      const stream = await client.create({ ...request, stream: true })
      await readUntil(stream, ({ type }) => type === 'response.queued')
      for (const isStream of [false, true]) {
        const error = await client.create({ ...request, stream: isStream }).catch((error: unknown) => error)
        expect(error).toBeInstanceOf(RateLimitError)
        expect(error).toMatchObject({ code: 'rate_limited', headers: expect.any(Headers) })
        expect((error as RateLimitError).headers.get('retry-after')).toBe('5')
      }
      await expect.poll(() => stage.upstream.requestsFor(model).length).toBe(2)
      await client.cancel(id)
      await expect
        .poll(() =>
          client.create(request).then(
            () => 'ok',
            () => 'busy',
          ),
        )
        .toBe('ok')
    })
  })

  describe('with SLUICE_TOTAL_TIMEOUT_MS=300', () => {
    const stage = useStage(runtime, { ...quiet, SLUICE_TOTAL_TIMEOUT_MS: '300' })

    test('end there, and keep what was said', async () => {
      const client = toClient(stage.server.url)
      const model = stage.upstream.script(thenSilent(1))
      const { id } = await client.create({ model, input: 'Hi', background: true })
      const { exchange } = await stage.upstream.next(model)
      await exchange.closedByReader
      expect(await poll(client, id, 'failed')).toMatchObject({ error: { code: 'total_timeout' }, output_text: ' token' })
    })
  })

  // workerd has no shutdown.
  const testOfShutdown = runtime === 'worker' ? test.skip : testOfOneProcess(runtime)
  testOfShutdown('end with shutting_down in their log when the server stops', async () => {
    const { startUpstream } = await import('#fake-ollama/upstream.ts')
    const upstream = await startUpstream()
    const server = await startServer(runtime, { ...quiet, OLLAMA_HOST: upstream.url, SLUICE_SHUTDOWN_GRACE_MS: '100' })
    const client = toClient(server.url)
    const { id } = await client.create({ model: upstream.script(thenSilent(1)), input: 'Hi', background: true })
    const events: ResponseStreamEvent[] = []
    const reading = async () => {
      for await (const event of await client.retrieve(id, { stream: true })) events.push(event)
    }
    const read = reading().catch((error: unknown) => error)
    await expect.poll(() => textOf(events)).toBe(' token')
    server.signal('SIGTERM')
    expect(await read).toMatchObject({ code: 'shutting_down' })
    expect(await server.exited).toBe(0)
    await upstream.close()
  })
}

const open = ({ server }: Stage, path: string) => read(server, { path })
