import { beforeAll, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { lines, ndjson, replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import type { Exchange, Script } from '#fake-ollama/upstream.ts'
import { generate, read, readAll, readFailure, readRaw, toPost, toSseEvents, toTold, type Reader } from '../reader.ts'
import { useStage, type RuntimeName, type Stage } from '../server.ts'

const prefer = { prefer: 'status' }
// workerd notices a disconnected reader only when a heartbeat fails.
const env = { SLUICE_GRACE_MS: '50', SLUICE_HEARTBEAT_MS: '100' }
const isFirst = (text: string) => text.includes(' token')
const isTold = (state: string) => (text: string) => text.includes(`{"status":"${state}"`)
const psIn = ({ upstream }: Stage) => upstream.requests.filter(({ target }) => target === '/api/ps')

/** Requests a generation with `Prefer: status`. */
const prefers = ({ server }: Stage, model: string, headers: Readonly<Record<string, string>> = {}) =>
  generate(server, 'sse', model, { headers: { ...prefer, ...headers } })

/** Returns the statuses of a stream in order. They must all come before the first token. */
function toStates(text: string): string[] {
  const events = toSseEvents(text)
  const told = events.filter(({ event }) => event === 'status').map(({ data }) => JSON.parse(data) as Status)
  expect(events.slice(0, told.length).every(({ event }) => event === 'status')).toBe(true)
  told.reduce((before, { elapsed_ms }) => {
    expect(Number.isInteger(elapsed_ms) && elapsed_ms >= before).toBe(true)
    return elapsed_ms
  }, 0)
  return told.map(({ status }) => status)
}

interface Status {
  readonly status: string
  readonly elapsed_ms: number
}

/** Makes a script that answers `GET /api/ps` with a list of these loaded models. */
const listing =
  (...names: string[]): Script =>
  (exchange) => {
    exchange.head(200, { 'content-type': 'application/json' })
    exchange.chunk(JSON.stringify({ models: names.map((name) => ({ name, model: name })) }))
    exchange.end()
  }

/** Answers a request that had no answer until now: sends the head, one token and the end. */
function answer(exchange: Exchange) {
  exchange.head(200, ndjson)
  exchange.chunk(`${toDeltaLine(exchange.request, ' token')}\n`)
  finish(exchange)
}

function finish(exchange: Exchange) {
  exchange.chunk(`${toDoneLine(exchange.request, 1)}\n`)
  exchange.end()
}

/** Removes the status events and the heartbeats from an answer. */
const toRest = (text: string) => text.replaceAll(/event: status\n.*\n\n/g, '').replaceAll(/^:\n/gm, '')

/** `Prefer: status` (docs/protocol.md#2-native). */
export function describeStatus(runtime: RuntimeName) {
  describe('Prefer: status', () => {
    const stage = useStage(runtime, { ...env, SLUICE_UPSTREAM_STREAMS: '1', SLUICE_QUEUE: '1' })
    const resident = 'resident'
    beforeAll(() => {
      stage.upstream.on('GET /api/ps', listing('smollm2:135m', 'resident:latest'))
    })

    async function untilAsked(reader: Reader, model: string): Promise<Exchange> {
      const { exchange } = await stage.upstream.next(model)
      expect((await reader.head).headers).toMatchObject({ 'content-type': 'text/event-stream', 'preference-applied': 'status' })
      return exchange
    }

    test('sends loading before the first token, and never after it', async () => {
      const model = stage.upstream.script(silent())
      const reader = prefers(stage, model)
      await reader.until(isTold('loading'))
      expect(reader.text).toMatch(/^:\n(:\n)*event: status\ndata: \{"status":"loading","elapsed_ms":\d+\}\n\n/)
      answer(await untilAsked(reader, model))
      expect(await reader.ended).toBe('clean')
      expect(toStates(reader.text)).toEqual(['loading'])
      expect(toTold('sse', toRest(reader.text)).text).toBe(' token')
    })

    test('sends queued, and then evaluating', async () => {
      const model = stage.upstream.script(silent(), resident)
      const busy = stage.upstream.script(thenSilent(1))
      const first = generate(stage.server, 'sse', busy)
      await first.until(isFirst)
      const second = prefers(stage, model)
      await second.until(isTold('queued'))
      expect(stage.upstream.requestsFor(model)).toEqual([])
      finish(stage.upstream.requestsFor(busy)[0]!.exchange)
      await second.until(isTold('evaluating'))
      answer(await untilAsked(second, model))
      expect(await second.ended).toBe('clean')
      expect(toStates(second.text)).toEqual(['queued', 'evaluating'])
      const [queued, evaluating] = Array.from(second.text.matchAll(/"elapsed_ms":(\d+)/g), ([, ms]) => Number(ms))
      // Sluice sends at most one status a second. Both times are rounded to whole milliseconds, so
      // their difference can be 999.
      expect(evaluating! - queued!).toBeGreaterThanOrEqual(999)
    })

    test.each([
      ['/api/chat', 'Status', 'RESIDENT:latest'],
      ['/api/generate', 'respond-async, status', 'library/resident'],
    ])('sends evaluating at %s for Prefer: %s, by the name that Ollama gives to %s', async (path, wanted, name) => {
      const model = stage.upstream.script(silent(), name)
      const reader = generate(stage.server, 'sse', model, { path, headers: { prefer: wanted } })
      await reader.until(isTold('evaluating'))
      answer(await untilAsked(reader, model))
      expect(await reader.ended).toBe('clean')
      expect(toStates(reader.text)).toEqual(['evaluating'])
    })

    test('may be in a second Prefer header', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const body = JSON.stringify({ model, prompt: 'Hi' })
      const headers = [`Content-Length: ${body.length}`, 'Prefer: wait=10', 'Prefer: status', 'Connection: close']
      const reader = readRaw(stage.server, toPost('/api/generate', body, headers))
      await reader.closed
      expect(reader.text.toLowerCase()).toContain('\r\npreference-applied: status\r\n')
    })

    test('a reader that disconnects in the queue causes no request to Ollama, and its place goes to the next', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const first = generate(stage.server, 'sse', model)
      await first.until(isFirst)
      const second = prefers(stage, model)
      await second.until(isTold('queued'))
      second.leave()
      let third: Reader | undefined
      const join = async () => (await (third = prefers(stage, model)).head).status
      await expect.poll(join, { interval: 100 }).toBe(200)
      await third!.until(isTold('queued'))
      const { exchange } = await stage.upstream.next(model)
      finish(exchange)
      await third!.until(isFirst)
      expect(stage.upstream.requestsFor(model)).toHaveLength(2)
      finish((await stage.upstream.next(model)).exchange)
      expect(await third!.ended).toBe('clean')
    })
  })

  describe('Prefer: status, before the response is committed', () => {
    const stage = useStage(runtime, { ...env, SLUICE_GRACE_MS: '60000', SLUICE_MANAGEMENT: '1' })
    beforeAll(() => {
      // Ollama answers every request for the list of loaded models with an error, so Sluice cannot
      // cache the list. With a cached list, Sluice would not ask again.
      stage.upstream.on('GET /api/ps', replay('error-busy'))
    })

    test('an answer that comes at once has Preference-Applied and no status event', async () => {
      const { text, headers } = await readAll(prefers(stage, stage.upstream.script(tokens({ count: 2 }))))
      expect(headers).toMatchObject({ 'preference-applied': 'status', 'content-type': 'text/event-stream' })
      expect(toStates(text)).toEqual([])
      expect(toTold('sse', text).text).toBe(' token token')
    })

    test('is ignored for the progress of a pull', async () => {
      const restore = stage.upstream.on('POST /api/pull', lines(['{"status":"success"}']))
      const { text, headers } = await readAll(read(stage.server, { path: '/api/pull', body: { model: 'm' }, headers: prefer }))
      expect(text).toBe(':\ndata: {"status":"success"}\n\n')
      expect(headers).not.toHaveProperty('preference-applied')
      restore()
    })

    test.each([
      ['NDJSON', '/api/chat', { accept: 'application/x-ndjson' }, {}],
      ['one object', '/api/chat', {}, { stream: false }],
      ['/chat', '/chat', {}, {}],
      ['/ollama', '/ollama/api/chat', {}, {}],
      ['/v1', '/v1/chat/completions', {}, { stream: true, stream_options: { include_usage: true } }],
      ['/v1/messages', '/v1/messages', {}, { stream: true, max_tokens: 5 }],
    ])('is ignored for %s', async (_, path, headers, more) => {
      const model = stage.upstream.script(tokens({ count: 2 }))
      const body = { model, messages: [{ role: 'user', content: 'Hi' }], text: 'Hi', ...more }
      const before = psIn(stage).length
      const [plain, asked] = [{}, prefer].map((extra) => read(stage.server, { path, body, headers: { ...headers, ...extra } }))
      const toSame = (text: string) => text.replaceAll(/"(id|created|model)":("[^"]*"|\d+)/g, '')
      const answered = await readAll(asked!)
      expect(toSame(answered.text)).toBe(toSame((await readAll(plain!)).text))
      expect(answered.status).toBe(200)
      expect(answered.headers).not.toHaveProperty('preference-applied')
      expect(psIn(stage)).toHaveLength(before)
    })

    test('a failure has its real status, though Sluice already knew that the model loads', async () => {
      const known = Promise.withResolvers<void>()
      stage.upstream.on('GET /api/ps', async (exchange) => {
        await listing()(exchange)
        known.resolve()
      })
      const model = stage.upstream.script(async (exchange) => {
        await known.promise
        // When Sluice has answered this request, it has also read the answer of `GET /api/ps`.
        await readAll(read(stage.server, { path: '/ping' }))
        await replay('error-model-not-found')(exchange)
      })
      const failure = await readFailure(prefers(stage, model))
      expect(failure).toMatchObject({ status: 404, code: 'model_not_found' })
      expect(failure.headers).not.toHaveProperty('preference-applied')
    })
  })

  describe('Prefer: status, when the list of loaded models', () => {
    const stage = useStage(runtime, { ...env, SLUICE_MODELS: '*,*:cloud' })

    /**
     * Requests a generation with `Prefer: status`. Ollama answers the generation with `answering`,
     * and Sluice's `GET /api/ps` with `script`. In the result, `exchange` belongs to the
     * generation, and `question` to `GET /api/ps`.
     */
    async function ask(script: Script, answering: Script = silent()) {
      const seen = Promise.withResolvers<Exchange>()
      const restore = stage.upstream.on('GET /api/ps', async (exchange) => {
        seen.resolve(exchange)
        await script(exchange)
      })
      const model = stage.upstream.script(answering)
      const before = psIn(stage).length
      const reader = prefers(stage, model)
      const { exchange } = await stage.upstream.next(model)
      const question = await seen.promise
      restore()
      return { reader, exchange, question, asked: () => psIn(stage).length - before }
    }

    // The order of these tests matters. Only the two tests at the end, which use `listing()`, let
    // Sluice cache the list of loaded models. In the tests before them, Sluice asks Ollama whenever
    // it needs the list.
    test.each([{}, { prefer: 'respond-async' }, { prefer: 'status=off' }, { prefer: 'x="a, status"' }] as Record<
      string,
      string
    >[])('is not needed (no Prefer: status), Sluice does not ask for it and sends no status: %j', async (headers) => {
      const model = stage.upstream.script(silent())
      const before = psIn(stage).length
      const reader = generate(stage.server, 'sse', model, { headers })
      await reader.until((text) => text.startsWith(':\n:\n'))
      const { exchange } = await stage.upstream.next(model)
      answer(exchange)
      expect(await reader.ended).toBe('clean')
      expect(reader.text).not.toContain('status')
      expect((await reader.head).headers).not.toHaveProperty('preference-applied')
      expect(psIn(stage)).toHaveLength(before)
    })

    test.each<[string, Script]>([
      ['fails', replay('error-busy')],
      [
        // The connection breaks in the body. If it broke earlier, Bun would repeat the GET.
        'breaks',
        (exchange) => {
          exchange.head(200, { 'content-type': 'application/json' })
          exchange.chunk('{"models":')
          exchange.reset()
        },
      ],
      [
        'is no list',
        (exchange) => {
          exchange.head(200, { 'content-type': 'application/json' })
          exchange.chunk('["?"')
          exchange.end()
        },
      ],
    ])('%s, Sluice sends no status, asks only once, and the answer succeeds', async (_, script) => {
      const { reader, exchange, asked } = await ask(script)
      await reader.until((text) => text.startsWith(':\n:\n:\n'))
      answer(exchange)
      expect(await reader.ended).toBe('clean')
      expect(toStates(reader.text)).toEqual([])
      expect(toTold('sse', reader.text).text).toBe(' token')
      expect(asked()).toBe(1)
    })

    test('cannot contain a cloud model, Sluice does not ask for it and sends no status', async () => {
      const model = stage.upstream.script(silent(), 'far:cloud')
      const before = psIn(stage).length
      const reader = prefers(stage, model)
      await reader.until((text) => text.startsWith(':\n:\n:\n'))
      answer((await stage.upstream.next(model)).exchange)
      expect(await reader.ended).toBe('clean')
      expect(toStates(reader.text)).toEqual([])
      expect(psIn(stage)).toHaveLength(before)
    })

    test('hangs, the answer still arrives, and its first token aborts GET /api/ps', async () => {
      const askedAt = performance.now()
      const { reader, exchange, question } = await ask(silent())
      await reader.until((text) => text.startsWith(':\n:\n'))
      exchange.head(200, ndjson)
      exchange.chunk(`${toDeltaLine(exchange.request, ' token')}\n`)
      await reader.until(isFirst)
      // Without the first token, the question would time out only after 10 s.
      expect((await question.closedByReader) - askedAt).toBeLessThan(8000)
      finish(exchange)
      expect(await reader.ended).toBe('clean')
      expect(toStates(reader.text)).toEqual([])
    })

    test.each(['fin', 'reset'] as const)(
      'hangs, a reader that disconnects by %s aborts both requests to Ollama',
      async (how) => {
        const { reader, exchange, question } = await ask(silent())
        await reader.until((text) => text.startsWith(':\n:\n'))
        reader.leave(how)
        await Promise.all([exchange.closedByReader, question.closedByReader])
        await expect.poll(() => stage.upstream.open).toBe(0)
      },
    )

    test('shows that the model loads, a reader that disconnects then stops the upstream', async () => {
      const { reader, exchange } = await ask(listing())
      await reader.until(isTold('loading'))
      reader.leave()
      await exchange.closedByReader
      await expect.poll(() => stage.upstream.open).toBe(0)
    })

    test('was received within the last second, other requests use it too', async () => {
      const restore = stage.upstream.on('GET /api/ps', listing())
      const model = stage.upstream.script(silent())
      const ask = async () => {
        const before = psIn(stage).length
        const reader = prefers(stage, model)
        await reader.until(isTold('loading'))
        reader.leave()
        return psIn(stage).length - before
      }
      await expect.poll(ask).toBe(0)
      restore()
    })
  })
}
