import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { streamChat, type ChatEvent, type ChatOptions, type ChatStream } from '#client'

const post = { 'content-type': 'text/event-stream', 'x-request-id': 'r1' }
const granted = { ...post, 'preference-applied': 'resume=30', 'content-location': '/streams/run' }
const url = 'http://sluice.test/api/chat'
const address = 'http://sluice.test/streams/run'

const toToken = (number: number) => `id: run.${number}\ndata: {"message":{"content":" ${number}汉"}}\n\n`
const toEnd = (number: number) => `id: run.${number}\ndata: {"done":true}\n\n`
const cancelled = 'id: run.9\nevent: failed\ndata: {"error":"Stopped","code":"cancelled"}\n\n'

/** How a body goes on after its text: it ends, breaks, or stays open. */
type Rest = 'ends' | 'breaks' | 'stays open'
type Answer = (init: RequestInit) => Promise<Response>

/**
 * Answers with a body that arrives at once. `write` adds text to the newest body that stays open.
 */
let write: (text: string) => void
function answer(text: string | Uint8Array, rest: Rest, headers: Record<string, string> = post): Answer {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  return async ({ signal }) => {
    const body = new ReadableStream(
      {
        start(controller) {
          controller.enqueue(bytes)
          if (rest === 'ends') controller.close()
          else signal?.addEventListener('abort', () => controller.error(signal.reason))
          write = (more) => controller.enqueue(new TextEncoder().encode(more))
        },
        pull(controller) {
          // The bytes of a body that breaks arrive before the error does.
          if (rest === 'breaks') controller.error(new Error('broken'))
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, { headers })
  }
}
const refuse =
  (status: number, body: object = {}, headers: Record<string, string> = {}): Answer =>
  async () =>
    Response.json(body, { status, headers })
const offline: Answer = async () => {
  throw new TypeError('offline')
}
const silent: Answer = ({ signal }) =>
  new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
const noContent: Answer = async () => new Response(null, { status: 204 })

interface Request {
  readonly url: string
  readonly method: string
  readonly headers: Headers
}

/** Asks through a `fetch` that gives these answers. The last answer is given again and again. */
function ask(answers: readonly Answer[], options: Partial<ChatOptions> = {}) {
  const requests: Request[] = []
  const fetch = async (url: string | URL, init: RequestInit) => {
    requests.push({ url: String(url), method: init.method ?? 'GET', headers: new Headers(init.headers) })
    return answers[Math.min(requests.length, answers.length) - 1]!(init)
  }
  const stream = streamChat({ url, body: { messages: [] }, resume: true, fetch, ...options })
  const methods = () => requests.map(({ method }) => method)
  return { stream, requests, methods }
}

/** Reads events until one of this type has come. */
async function readTo(stream: ChatStream, type: ChatEvent['type']): Promise<ChatEvent[]> {
  const events: ChatEvent[] = []
  for (;;) {
    const { value, done } = await stream.next()
    if (done) throw new Error(`Cannot find ${type}: the stream has ended`)
    events.push(value)
    if (value.type === type) return events
  }
}

/** Reads a stream to its end, while the time passes as fast as it can. */
async function readAll(stream: ChatStream): Promise<{ events: ChatEvent[]; error?: unknown }> {
  const events: ChatEvent[] = []
  const state = { isOver: false }
  const reading = (async () => {
    for await (const event of stream) events.push(event)
  })()
  const ended = reading.then(
    () => ({ events }),
    (error: unknown) => ({ events, error }),
  )
  void ended.then(() => (state.isOver = true))
  while (!state.isOver) await vi.advanceTimersByTimeAsync(1000)
  return ended
}
const toTypes = (events: readonly ChatEvent[]) => events.map(({ type }) => type)

let page: EventTarget
beforeEach(() => {
  vi.useFakeTimers()
  page = new EventTarget()
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('a stream that breaks', () => {
  test.each(['ends', 'breaks'] as const)('goes on where it was when its connection %s', async (rest) => {
    const { stream, requests } = ask([
      answer(toToken(0) + toToken(1) + 'id: run.2\ndata: {"mess', rest, granted),
      answer(toToken(2) + toEnd(3), 'ends'),
    ])
    const { events } = await readAll(stream)
    expect(events).toEqual([
      { type: 'start', requestId: 'r1', stream: address },
      { type: 'delta', text: ' 0汉' },
      { type: 'delta', text: ' 1汉' },
      { type: 'reconnecting', attempt: 1, delayMs: expect.any(Number) },
      { type: 'resumed' },
      { type: 'delta', text: ' 2汉' },
      expect.objectContaining({ type: 'done' }),
    ])
    expect(await stream.text()).toBe(' 0汉 1汉 2汉')
    expect(requests.map(({ method, url, headers }) => [method, url, headers.get('last-event-id')])).toEqual([
      ['POST', url, null],
      ['GET', address, 'run.1'],
    ])
  })

  test('gives each token once, wherever its connections break, and sends one POST', async () => {
    const frames = [...Array.from({ length: 8 }, (_, number) => toToken(number)), toEnd(8)]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(500), { maxLength: 12 }), async (cuts) => {
        const left = [...cuts]
        const { stream, methods } = ask([
          async (init) => {
            const after = new Headers(init.headers).get('last-event-id')?.slice('run.'.length) ?? -1
            const bytes = new TextEncoder().encode(`:\n${frames.slice(Number(after) + 1).join('')}`)
            const cut = left.shift()
            return answer(bytes.slice(0, cut), cut !== undefined && cut < bytes.length ? 'breaks' : 'ends', granted)(init)
          },
        ])
        const { events } = await readAll(stream)
        expect(events.flatMap((event) => (event.type === 'delta' ? event.text : []))).toEqual(
          Array.from({ length: 8 }, (_, number) => ` ${number}汉`),
        )
        expect(events.at(-1)?.type).toBe('done')
        expect(methods().filter((method) => method === 'POST')).toHaveLength(1)
      }),
    )
  })

  test('is asked for from its beginning if no frame has come', async () => {
    const { stream, requests } = ask([answer(':\n', 'breaks', granted), answer(toEnd(0), 'ends')])
    await readAll(stream)
    expect(requests[1]?.headers.has('last-event-id')).toBe(false)
  })

  test('is resumed after a silence of 60 s, and after 20 s without the head of a response', async () => {
    const { stream, methods } = ask([answer(toToken(0), 'stays open', granted), silent, answer(toEnd(1), 'ends')])
    const began = Date.now()
    const { events } = await readAll(stream)
    expect(toTypes(events)).toEqual(['start', 'delta', 'reconnecting', 'reconnecting', 'resumed', 'done'])
    expect(methods()).toEqual(['POST', 'GET', 'GET'])
    expect(Date.now() - began).toBeGreaterThanOrEqual(80_000)
    expect(Date.now() - began).toBeLessThan(83_000)
  })

  test('sends its headers again, and adds its preference to those of the caller', async () => {
    const headers = { authorization: 'Bearer k', prefer: 'status' }
    const { stream, requests } = ask([answer(toToken(0), 'breaks', granted), answer(toEnd(1), 'ends')], { headers })
    await readAll(stream)
    expect(requests[0]?.headers.get('prefer')).toBe('status, resume')
    expect(requests.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer k', 'Bearer k'])
    expect(requests.map(({ headers }) => headers.get('content-type'))).toEqual(['application/json', null])
  })
})

describe('an error as without the option', () => {
  test.each([
    ['the server does not apply the preference', true, post],
    ['the preference is applied, but the option is not set', false, granted],
    ['there is no address', true, { ...granted, 'content-location': '' }],
    // A key in the headers must not go to another server.
    ['the address is of another server', true, { ...granted, 'content-location': 'http://evil.test/streams/run' }],
    ['the address is of another server, without a scheme', true, { ...granted, 'content-location': '//evil.test/run' }],
    ['the address is of a resource that is no stream', true, { ...post, 'content-location': '/articles/1' }],
  ])('follows if %s', async (_name, resume, headers) => {
    const { stream, methods } = ask([answer(toToken(0), 'breaks', headers)], { resume })
    const { events, error } = await readAll(stream)
    expect(toTypes(events)).toEqual(['start', 'delta'])
    expect(events[0]).toMatchObject({ stream: headers === granted ? address : undefined })
    expect(error).toMatchObject({ name: 'ChatStreamError', code: 'network' })
    expect(methods()).toEqual(['POST'])
  })

  test.each([
    ['is refused', refuse(503, {}, { 'retry-after': '0' }), { name: 'ChatHttpError', status: 503 }],
    ['finds no server', offline, { name: 'ChatStreamError', code: 'network' }],
  ])('follows if the POST %s, and the POST is not sent again', async (_name, refusal, expected) => {
    const { stream, methods } = ask([refusal])
    expect((await readAll(stream)).error).toMatchObject(expected)
    expect(methods()).toEqual(['POST'])
  })
})

describe('the tries', () => {
  test('wait longer and longer, up to 5 s, and then give up', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { stream, methods } = ask([answer(toToken(0), 'breaks', granted), offline])
    const { events, error } = await readAll(stream)
    const waits = events.flatMap((event) => (event.type === 'reconnecting' ? [event] : []))
    expect(waits.slice(0, 8).map(({ delayMs }) => delayMs)).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000])
    expect(waits.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    expect(methods()).toHaveLength(61)
    expect(error).toMatchObject({ name: 'ChatStreamError', code: 'network' })
    await expect(stream.final()).rejects.toBe(error)
  })

  test('go on for the grace and as long as a finished answer is kept, however chance shortens the waits', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    for (const grace of [0, 30, 600]) {
      const began = Date.now()
      const headers = { ...granted, 'preference-applied': `status, resume=${grace}` }
      await readAll(ask([answer(toToken(0), 'breaks', headers), offline]).stream)
      expect(Date.now() - began).toBeGreaterThan((grace + 60) * 1000)
    }
  })

  test('begin again after progress', async () => {
    const { stream, methods } = ask([
      answer(toToken(0), 'breaks', granted),
      offline,
      refuse(502),
      answer(':\n', 'breaks'),
      answer(toToken(1), 'breaks'),
      answer(toEnd(2), 'ends'),
    ])
    const { events } = await readAll(stream)
    expect(events.flatMap((event) => (event.type === 'reconnecting' ? event.attempt : []))).toEqual([1, 2, 3, 4, 1])
    expect(toTypes(events).filter((type) => type === 'resumed')).toHaveLength(3)
    expect(methods()).toEqual(['POST', 'GET', 'GET', 'GET', 'GET', 'GET'])
  })

  test.each([429, 502, 503, 504])('wait as long as Retry-After says after a %i', async (status) => {
    const { stream } = ask([
      answer(toToken(0), 'breaks', granted),
      refuse(status, {}, { 'retry-after': '7' }),
      answer(toEnd(1), 'ends'),
    ])
    const { events } = await readAll(stream)
    expect(events.flatMap((event) => (event.type === 'reconnecting' ? event.delayMs : []))[1]).toBe(7000)
    expect(events.at(-1)?.type).toBe('done')
  })

  test.each([
    [404, 'not_found'],
    [410, 'log_dropped'],
    [401, 'unauthorized'],
    [400, 'invalid_request'],
    [500, 'internal'],
  ])('end after a %i, with the code of the server', async (status, code) => {
    const { stream, methods } = ask([answer(toToken(0), 'breaks', granted), refuse(status, { error: 'No', code })])
    const { events, error } = await readAll(stream)
    expect(toTypes(events)).toEqual(['start', 'delta', 'reconnecting'])
    expect(error).toMatchObject({ name: 'ChatStreamError', code, message: 'No', cause: { name: 'ChatHttpError', status } })
    expect(methods()).toEqual(['POST', 'GET'])
  })

  test.each([
    ['says that nothing follows', noContent],
    ['is a page of a proxy', async () => new Response('<h1>', { headers: { 'content-type': 'text/html' } })],
  ])('end if the response %s', async (_name, response) => {
    const { stream, methods } = ask([answer(toToken(0), 'breaks', granted), response])
    expect((await readAll(stream)).error).toMatchObject({ name: 'ChatStreamError', code: 'not_a_stream' })
    expect(methods()).toEqual(['POST', 'GET'])
  })
})

describe('waking up', () => {
  test.each(['online', 'visibilitychange'])('%s ends the wait for the next try, and the tries begin again', async (type) => {
    const busy = refuse(503, {}, { 'retry-after': '3600' })
    const { stream } = ask([answer(toToken(0), 'breaks', granted), busy, busy, answer(toEnd(1), 'ends')])
    await readTo(stream, 'reconnecting')
    const second = stream.next()
    await vi.advanceTimersByTimeAsync(250)
    expect(await second).toMatchObject({ value: { type: 'reconnecting', attempt: 2, delayMs: 3_600_000 } })
    const third = stream.next()
    await vi.advanceTimersByTimeAsync(0)
    page.dispatchEvent(new Event(type))
    expect(await third).toMatchObject({ value: { type: 'reconnecting', attempt: 1, delayMs: 3_600_000 } })
    // The event also counts while the reader is busy.
    page.dispatchEvent(new Event(type))
    expect(await stream.next()).toMatchObject({ value: { type: 'resumed' } })
    expect(await stream.text()).toBe(' 0汉')
  })

  test('online replaces a connection, and visibilitychange only one that was silent for 20 s', async () => {
    const { stream, requests } = ask([
      answer(toToken(0), 'stays open', granted),
      answer(toToken(1), 'stays open'),
      answer(toEnd(2), 'ends'),
    ])
    await readTo(stream, 'delta')
    const rest = readAll(stream)
    page.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(500)
    expect(requests).toHaveLength(1)
    page.dispatchEvent(new Event('online'))
    await vi.advanceTimersByTimeAsync(500)
    expect(requests).toHaveLength(2)
    vi.setSystemTime(Date.now() + 20_001)
    page.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(500)
    expect(requests.map(({ headers }) => headers.get('last-event-id'))).toEqual([null, 'run.0', 'run.1'])
    expect(toTypes((await rest).events)).toEqual(['reconnecting', 'resumed', 'delta', 'reconnecting', 'resumed', 'done'])
  })

  test('changes nothing before the head of the POST has arrived, nor without a stream that can be resumed', async () => {
    for (const [first, options] of [
      [silent, {}],
      [answer(toToken(0), 'stays open'), {}],
      [answer(toToken(0), 'stays open', granted), { resume: false }],
    ] as const) {
      const { stream, methods } = ask([first], options)
      const reading = readAll(stream)
      await vi.advanceTimersByTimeAsync(500)
      page.dispatchEvent(new Event('online'))
      await vi.advanceTimersByTimeAsync(500)
      expect(methods()).toEqual(['POST'])
      await stream.return()
      expect((await reading).error).toBeUndefined()
    }
  })

  test('is no longer listened for when the stream has ended', async () => {
    const removed = vi.fn()
    vi.stubGlobal('addEventListener', (_type: string, _listener: unknown, { signal }: { signal: AbortSignal }) =>
      signal.addEventListener('abort', () => removed()),
    )
    await ask([answer(toEnd(0), 'ends', granted)]).stream.text()
    expect(removed).toHaveBeenCalledTimes(2)
  })

  test('is not needed where there are no such events', async () => {
    vi.stubGlobal('addEventListener', undefined)
    const { stream } = ask([answer(toToken(0), 'breaks', granted), answer(toEnd(1), 'ends')])
    expect(toTypes((await readAll(stream)).events)).toContain('resumed')
  })
})

describe('the address of a stream', () => {
  test('is read from its beginning by GET, without a body', async () => {
    const { stream, requests } = ask([answer(toToken(0) + toEnd(1), 'ends')], {
      resume: '/streams/run',
      headers: { authorization: 'Bearer k' },
    })
    const { events } = await readAll(stream)
    expect(events[0]).toEqual({ type: 'start', requestId: 'r1', stream: address })
    expect(toTypes(events)).toEqual(['start', 'delta', 'done'])
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatchObject({ url: address, method: 'GET' })
    expect(requests[0]?.headers.get('authorization')).toBe('Bearer k')
    expect(requests[0]?.headers.has('last-event-id')).toBe(false)
  })

  test('is tried again before the first response', async () => {
    const { stream, methods } = ask([offline, answer(toToken(0) + toEnd(1), 'ends')], { resume: address })
    expect(toTypes((await readAll(stream)).events)).toEqual(['reconnecting', 'start', 'delta', 'done'])
    expect(methods()).toEqual(['GET', 'GET'])
  })

  test('that is not known is an error with the code of the server', async () => {
    const { stream } = ask([refuse(404, { error: 'No', code: 'not_found' })], { resume: address })
    expect((await readAll(stream)).error).toMatchObject({ name: 'ChatStreamError', code: 'not_found' })
  })

  test('is a path where `url` is a path', async () => {
    const { stream, requests } = ask([answer(toToken(0), 'breaks', granted), answer(toEnd(1), 'ends')], { url: '/api/chat' })
    const { events } = await readAll(stream)
    expect(events[0]).toMatchObject({ stream: '/streams/run' })
    expect(requests.map(({ url }) => url)).toEqual(['/api/chat', '/streams/run'])
  })
})

describe('stop()', () => {
  test('deletes the stream, once, and the stream ends with `cancelled`', async () => {
    const { stream, requests, methods } = ask([answer(toToken(0), 'stays open', granted), noContent], {
      headers: { authorization: 'Bearer k' },
    })
    await readTo(stream, 'delta')
    const next = stream.next()
    const stopping = [stream.stop(), stream.stop()]
    await Promise.all(stopping)
    write(cancelled)
    expect(await next).toMatchObject({ value: { type: 'failed', code: 'cancelled' } })
    const last = stream.next()
    await vi.advanceTimersByTimeAsync(1000)
    expect(await last).toEqual({ done: true, value: undefined })
    await expect(stream.text()).rejects.toMatchObject({ code: 'cancelled' })
    expect(methods()).toEqual(['POST', 'DELETE'])
    expect(requests[1]?.url).toBe(address)
    expect(requests[1]?.headers.get('authorization')).toBe('Bearer k')
    await stream.stop()
    expect(methods()).toHaveLength(2)
  })

  test('ends the stream 1 s later if the server sends no end', async () => {
    const { stream } = ask([answer(toToken(0), 'stays open', granted), noContent])
    await readTo(stream, 'delta')
    const next = stream.next()
    await stream.stop()
    await vi.advanceTimersByTimeAsync(999)
    write(toToken(1))
    expect(await next).toMatchObject({ value: { type: 'delta' } })
    const last = stream.next()
    await vi.advanceTimersByTimeAsync(1)
    expect(await last).toEqual({ done: true, value: undefined })
    await expect(stream.text()).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('deletes the stream while the client waits for the next try, and ends it at once', async () => {
    const { stream, methods } = ask([answer(toToken(0), 'breaks', granted), noContent])
    await readTo(stream, 'reconnecting')
    const next = stream.next()
    await vi.advanceTimersByTimeAsync(0)
    await stream.stop()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(methods()).toEqual(['POST', 'DELETE'])
  })

  test('does not connect again when the connection breaks meanwhile', async () => {
    const deleted = Promise.withResolvers<Response>()
    let lose!: (error: Error) => void
    const open: Answer = async () =>
      new Response(new ReadableStream({ start: (controller) => void (lose = (error) => controller.error(error)) }), {
        headers: granted,
      })
    const { stream, methods } = ask([open, () => deleted.promise])
    await readTo(stream, 'start')
    const next = stream.next()
    const stopping = stream.stop()
    lose(new Error('broken'))
    expect(await next).toEqual({ done: true, value: undefined })
    deleted.resolve(new Response(null, { status: 204 }))
    await stopping
    expect(methods()).toEqual(['POST', 'DELETE'])
  })

  test.each([
    ['before the head of the response has arrived', silent, 0],
    ['of a stream that cannot be resumed', answer(toToken(0), 'stays open'), 2],
  ])('leaves the stream %s', async (_name, first, count) => {
    const { stream, methods } = ask([first])
    for (let index = 0; index < count; index++) await stream.next()
    const next = stream.next()
    await vi.advanceTimersByTimeAsync(0)
    await stream.stop()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(methods()).toEqual(['POST'])
  })

  test('deletes an address that was not read', async () => {
    const { stream, methods } = ask([noContent], { resume: address })
    await stream.stop()
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(methods()).toEqual(['DELETE'])
  })

  test('deletes a stream that the reader has left', async () => {
    const { stream, methods } = ask([answer(toToken(0), 'stays open', granted), noContent])
    for await (const { type } of stream) if (type === 'delta') break
    expect(methods()).toEqual(['POST'])
    await stream.stop()
    expect(methods()).toEqual(['POST', 'DELETE'])
  })

  test('sends nothing after the end', async () => {
    const { stream, methods } = ask([answer(toEnd(0), 'ends', granted)])
    await stream.text()
    await stream.stop()
    expect(methods()).toEqual(['POST'])
  })

  test('succeeds if the server no longer knows the stream', async () => {
    const { stream } = ask([answer(toToken(0), 'stays open', granted), refuse(404)])
    await readTo(stream, 'delta')
    await stream.stop()
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test.each([
    ['is offline', offline, { name: 'ChatStreamError', code: 'network' }],
    ['gets no response within 20 s', silent, { name: 'ChatStreamError', code: 'idle_timeout' }],
    ['is refused', refuse(500), { name: 'ChatHttpError', status: 500 }],
  ])('rejects and leaves if it %s', async (_name, second, error) => {
    const { stream } = ask([answer(toToken(0), 'stays open', granted), second])
    await readTo(stream, 'delta')
    const next = stream.next()
    const stopping = expect(stream.stop()).rejects.toMatchObject(error)
    await vi.advanceTimersByTimeAsync(20_000)
    await stopping
    expect(await next).toEqual({ done: true, value: undefined })
  })
})

describe('leaving', () => {
  test.each([
    ['while the client waits for the next try', offline],
    ['while the client connects', silent],
  ])('ends the stream %s, and deletes nothing', async (_name, second) => {
    for (const how of ['return', 'signal'] as const) {
      const aborting = new AbortController()
      const { stream, methods } = ask([answer(toToken(0), 'breaks', granted), second], { signal: aborting.signal })
      await readTo(stream, 'reconnecting')
      const next = stream.next()
      await vi.advanceTimersByTimeAsync(250)
      if (how === 'return') {
        await stream.return()
        await next
        expect(await stream.next()).toEqual({ done: true, value: undefined })
      } else {
        const rest = (async () => {
          await next
          await stream.next()
        })()
        aborting.abort(null)
        await expect(rest).rejects.toBe(null)
      }
      expect(methods()).toEqual(['POST', 'GET'])
    }
  })
})
