import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { streamChat, type ChatEvent, type ChatOptions, type ChatStream } from '#client'

const sse = { 'content-type': 'text/event-stream', 'x-request-id': 'r1' }
const ndjson = { 'content-type': 'application/x-ndjson', 'x-request-id': 'r1' }
const token = 'data: {"message":{"content":"Hi"},"done":false}\n\n'
const end = 'data: {"message":{"content":""},"done":true}\n\n'

/** The server's answer, which each test sets. It may break the protocol. */
let answer: (response: http.ServerResponse, request: http.IncomingMessage) => void
let server: http.Server
let url: string

beforeAll(async () => {
  server = http.createServer((request, response) => {
    request.resume().on('end', () => answer(response, request))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const ask = (options: Partial<ChatOptions> = {}) => streamChat({ url, body: { messages: [] }, ...options })

/**
 * Answers with these pieces. The response stays open unless `ends` is true. Resolves when the
 * reader has disconnected.
 */
function answerWith(headers: http.OutgoingHttpHeaders, pieces: readonly string[], ends = false): Promise<unknown> {
  const left = Promise.withResolvers<void>()
  answer = (response) => {
    response.on('close', () => left.resolve())
    response.writeHead(200, headers)
    response.flushHeaders()
    for (const piece of pieces) response.write(piece)
    if (ends) response.end()
  }
  return left.promise
}

async function toTypes(stream: ChatStream): Promise<ChatEvent['type'][]> {
  const types: ChatEvent['type'][] = []
  for await (const { type } of stream) types.push(type)
  return types
}

describe('the request', () => {
  test('is a POST of JSON whose Accept prefers SSE', async () => {
    let seen: http.IncomingMessage | undefined
    answer = (response, request) => {
      seen = request
      response.writeHead(200, sse).end(end)
    }
    await ask({ headers: { authorization: 'Bearer k' } }).text()
    expect(seen).toMatchObject({
      method: 'POST',
      headers: {
        accept: expect.stringMatching(/^text\/event-stream/),
        'content-type': 'application/json',
        authorization: 'Bearer k',
      },
    })
  })

  test('is not sent before the first read, nor after an aborted signal or return()', async () => {
    const fetch = vi.fn()
    ask({ fetch })
    const left = ask({ fetch })
    await left.return()
    await expect(left.text()).rejects.toMatchObject({ name: 'AbortError' })
    await expect(ask({ fetch, signal: AbortSignal.abort('enough') }).text()).rejects.toBe('enough')
    expect(fetch).not.toHaveBeenCalled()
  })
})

describe('a stream without a terminal throws', () => {
  test.each([
    ['events', sse, [':\n', token, 'data: {"message":{"content":""},"done":true}\n']],
    ['nothing', sse, []],
    ['lines', ndjson, ['{"response":"Hi"}\n']],
    ['half a line', ndjson, ['{"response":"Hi"}\n{"done":tr']],
  ])('at a clean end: %s', async (_name, headers, pieces) => {
    void answerWith(headers, pieces, true)
    await expect(toTypes(ask())).rejects.toMatchObject({ name: 'ChatStreamError', code: 'truncated', requestId: 'r1' })
    await expect(ask().final()).rejects.toMatchObject({ name: 'ChatStreamError', code: 'truncated' })
  })

  test('when the connection breaks: network, with the cause', async () => {
    answer = (response) => response.writeHead(200, sse).write(token, () => setImmediate(() => response.destroy()))
    const stream = ask()
    await expect(toTypes(stream)).rejects.toMatchObject({ name: 'ChatStreamError', code: 'network', cause: expect.any(Error) })
    await expect(stream.final()).rejects.toMatchObject({ code: 'network' })
  })

  test('when no server listens: network', async () => {
    await expect(ask({ url: 'http://127.0.0.1:9/api/chat' }).text()).rejects.toMatchObject({ code: 'network' })
  })

  test.each([
    ['an HTML page', { 'content-type': 'text/html' }],
    ['no content type', {}],
  ])('when the response is not a stream: %s', async (_name, headers) => {
    void answerWith(headers, ['<!doctype html>'], true)
    await expect(ask().text()).rejects.toMatchObject({ name: 'ChatStreamError', code: 'not_a_stream' })
  })

  test('when one frame is too long', async () => {
    const left = answerWith(sse, ['data: ', 'x'.repeat(2 ** 24)])
    await expect(ask().text()).rejects.toMatchObject({ code: 'too_long' })
    await left
  })
})

describe('the terminal', () => {
  test('is the last event, whatever follows it, and does not wait for the end of the body', async () => {
    const left = answerWith(sse, [token, `${end}${token}event: failed\ndata: {"error":"x"}\n\n`])
    const stream = ask()
    expect(await toTypes(stream)).toEqual(['start', 'delta', 'done'])
    expect(await stream.final()).toMatchObject({ text: 'Hi', reason: 'stop' })
    await left
  })

  test('lets the next request reuse the connection', async () => {
    const sockets = new Set<unknown>()
    answer = (response) => {
      sockets.add(response.socket)
      response.writeHead(200, sse).write(end)
      setImmediate(() => response.end())
    }
    for (let count = 0; count < 8; count++) await ask().text()
    expect(sockets.size).toBeLessThan(8)
  })

  test('that reports a failure is an event; text() and final() reject with it', async () => {
    void answerWith(sse, [token, 'event: failed\ndata: {"error":"No","code":"idle_timeout","request_id":"r2"}\n\n'], true)
    const stream = ask()
    expect(await toTypes(stream)).toEqual(['start', 'delta', 'failed'])
    const error = { name: 'ChatStreamError', code: 'idle_timeout', message: 'No', requestId: 'r2' }
    await expect(stream.final()).rejects.toMatchObject(error)
    await expect(ask().text()).rejects.toMatchObject(error)
  })

  test('of a stream:false response is its one object', async () => {
    void answerWith(
      { 'content-type': 'application/json; charset=utf-8' },
      ['{"response":"Hi","thinking":"Hm","done":true}'],
      true,
    )
    expect(await ask({ body: { stream: false } }).final()).toMatchObject({ text: 'Hi', thinking: 'Hm', reason: 'stop' })
  })
})

describe('final()', () => {
  test('resolves with the whole answer, also after some events were read, and on a second call', async () => {
    const call = { function: { name: 'f', arguments: { x: 1 } } }
    void answerWith(
      ndjson,
      [
        '{"message":{"thinking":"Hm"}}\n{"message":{"content":"a"}}\n',
        `${JSON.stringify({ message: { content: 'b', tool_calls: [call] } })}\n`,
        '{"model":"m","message":{"content":"c"},"done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":4,"eval_duration":1e9}',
      ],
      true,
    )
    const stream = ask()
    await stream.next()
    await stream.next()
    const [answer, text] = await Promise.all([stream.final(), stream.text()])
    expect(answer).toEqual({
      text: 'abc',
      thinking: 'Hm',
      toolCalls: [{ name: 'f', arguments: { x: 1 } }],
      reason: 'length',
      model: 'm',
      usage: { promptTokens: 3, tokens: 4 },
      tokensPerSecond: 4,
      firstTokenMs: expect.any(Number),
    })
    expect(text).toBe('abc')
    expect(await stream.final()).toEqual(answer)
  })
})

describe('stopping early', () => {
  test('break stops the request', async () => {
    const left = answerWith(sse, [token])
    const stream = ask()
    for await (const { type } of stream) if (type === 'delta') break
    await left
    await expect(stream.final()).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('return() stops the request while next() waits, and next() then ends', async () => {
    const left = answerWith(sse, [token])
    const stream = ask()
    await stream.next()
    await stream.next()
    const waiting = stream.next()
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
    await left
  })

  test('return() stops the request before the response has arrived', async () => {
    const asked = Promise.withResolvers<http.ServerResponse>()
    answer = asked.resolve
    const stream = ask()
    const waiting = stream.next()
    const response = await asked.promise
    await stream.return()
    expect(await waiting).toEqual({ done: true, value: undefined })
    if (!response.destroyed) await once(response, 'close')
  })

  test('the signal stops the request with its reason, and no event that has arrived follows', async () => {
    const left = answerWith(sse, [token.repeat(50)])
    const aborting = new AbortController()
    const stream = ask({ signal: aborting.signal })
    const types: string[] = []
    const reading = (async () => {
      for await (const { type } of stream) {
        types.push(type)
        if (types.length === 3) aborting.abort(new Error('stopped'))
      }
    })()
    await expect(reading).rejects.toThrow('stopped')
    expect(types).toHaveLength(3)
    await expect(stream.text()).rejects.toThrow('stopped')
    await left
  })

  test('the signal stops the request while the client waits for a byte', async () => {
    const left = answerWith(sse, [token])
    const aborting = new AbortController()
    const stream = ask({ signal: aborting.signal })
    await stream.next()
    await stream.next()
    const waiting = stream.next()
    aborting.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    await left
  })

  test('a long-lived signal keeps no listener of a stream that has ended', async () => {
    void answerWith(sse, [end], true)
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    await ask({ signal }).text()
    const [, , options] = added.mock.calls[0] ?? []
    // A listener that is added with a signal is removed when this signal aborts.
    expect(options).toMatchObject({ signal: { aborted: true } })
  })

  test('the body is cancelled when fetch ignores the signal', async () => {
    const cancel = vi.fn()
    const start = (controller: ReadableStreamDefaultController) => controller.enqueue(new TextEncoder().encode(token))
    const fetch = async () => new Response(new ReadableStream({ start, cancel }), { headers: sse })
    const stream = ask({ fetch })
    await stream.next()
    await stream.next()
    const waiting = stream.next()
    await stream.return()
    expect(await waiting).toMatchObject({ done: true })
    expect(cancel).toHaveBeenCalledOnce()
  })
})

describe('idleTimeoutMs', () => {
  test('ends a stream that sends nothing', async () => {
    const left = answerWith(sse, [token])
    const stream = ask({ idleTimeoutMs: 40 })
    await expect(toTypes(stream)).rejects.toMatchObject({ name: 'ChatStreamError', code: 'idle_timeout' })
    await left
  })

  test('ends the wait for the response too', async () => {
    answer = () => {}
    await expect(ask({ idleTimeoutMs: 40 }).text()).rejects.toMatchObject({ code: 'idle_timeout' })
  })

  // From here on time is fake, and each test writes the body of the response.
  function feed(headers: Record<string, string>) {
    let body!: ReadableStreamDefaultController<Uint8Array>
    const fetch = async () => new Response(new ReadableStream({ start: (controller) => void (body = controller) }), { headers })
    return { fetch, write: (text: string) => body.enqueue(new TextEncoder().encode(text)) }
  }

  test.each([
    ['is 60 s by default between events, and heartbeats count', sse, undefined, 60_000],
    ['is off by default in NDJSON', ndjson, undefined, undefined],
    ['0 is off', sse, 0, undefined],
    ['Infinity is off', sse, Infinity, undefined],
    ['is as it is set in NDJSON too', ndjson, 5000, 5000],
  ])('%s', async (_name, headers, idleTimeoutMs, limitMs) => {
    vi.useFakeTimers()
    try {
      const { fetch, write } = feed(headers)
      const stream = ask({ fetch, idleTimeoutMs })
      await stream.next()
      let ended: unknown
      stream.next().then(
        () => (ended = 'an event'),
        (error: unknown) => (ended = error),
      )
      await vi.advanceTimersByTimeAsync((limitMs ?? 1e8) - 1)
      write(headers === sse ? ':\n' : '\n')
      await vi.advanceTimersByTimeAsync((limitMs ?? 1e8) - 1)
      expect(ended).toBeUndefined()
      await vi.advanceTimersByTimeAsync(1)
      if (limitMs) expect(ended).toMatchObject({ code: 'idle_timeout' })
      else expect(ended).toBeUndefined()
      await stream.return()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test('does not run while the reader is busy', async () => {
    vi.useFakeTimers()
    try {
      const { fetch, write } = feed(sse)
      const stream = ask({ fetch })
      await stream.next()
      await vi.advanceTimersByTimeAsync(300_000)
      write(end)
      expect(await stream.next()).toMatchObject({ value: { type: 'done' } })
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a refusal is a ChatHttpError', () => {
  test.each([
    [
      'of Sluice',
      503,
      'application/json',
      '{"error":"Busy","code":"upstream_busy"}',
      { message: 'Busy', code: 'upstream_busy' },
    ],
    ['of Ollama', 404, 'application/json', '{"error":"model not found"}', { message: 'model not found', code: 'http_error' }],
    ['of a proxy', 502, 'text/html', '<h1>Bad Gateway</h1>', { message: 'The server answered 502', code: 'http_error' }],
    ['without a body', 500, 'text/plain', '', { message: 'The server answered 500', code: 'http_error' }],
    ['in another envelope', 401, 'application/json', '{"error":{"message":"x"}}', { message: 'The server answered 401' }],
  ])('%s', async (_name, status, type, body, error) => {
    answer = (response) => response.writeHead(status, { 'content-type': type, 'x-request-id': 'r1' }).end(body)
    const stream = ask()
    await expect(toTypes(stream)).rejects.toMatchObject({ name: 'ChatHttpError', status, requestId: 'r1', ...error })
    await expect(stream.final()).rejects.toMatchObject({ status })
  })

  test.each([
    ['7', 7],
    ['0', 0],
    [new Date(Date.now() + 3_600_000).toUTCString(), expect.closeTo(3600, -2)],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('with Retry-After: %s', async (header, retryAfter) => {
    answer = (response) => response.writeHead(429, header === undefined ? {} : { 'retry-after': header }).end()
    await expect(ask().text()).rejects.toMatchObject({ status: 429, retryAfter })
  })

  test('also when its body breaks off', async () => {
    answer = (response) => response.writeHead(503, { 'content-length': 99 }).write('{"er', () => response.destroy())
    await expect(ask().text()).rejects.toMatchObject({ name: 'ChatHttpError', status: 503, code: 'http_error' })
  })
})

test('unknown data become unknown events and do not end the stream', async () => {
  void answerWith(sse, ['event: later\ndata: 1\n\ndata: nonsense\n\n', end], true)
  expect(await toTypes(ask())).toEqual(['start', 'unknown', 'unknown', 'done'])
})
