import type { ChatEvent, ChatToolCall, ChatUsage } from './events.ts'
import { createEventReader, createLineReader } from './frames.ts'
import { parseObject, toEvents } from './to-events.ts'

export type * from './events.ts'

export interface ChatOptions {
  /** The address of `/api/chat`, `/api/generate` or `/chat`. */
  readonly url: string | URL
  /** The request, which is sent as JSON. */
  readonly body: object
  /**
   * Aborting this signal stops the answer and frees the GPU. Pending calls on the stream then
   * reject with the signal's reason.
   */
  readonly signal?: AbortSignal | undefined
  /**
   * Headers to send beside `content-type` and `accept`, for example `{ authorization: 'Bearer …' }`
   * or `{ prefer: 'status' }`. If `headers` contains `content-type` or `accept`, that value
   * replaces the client's default.
   */
  readonly headers?: Readonly<Record<string, string>> | Headers | undefined
  /** A function to use instead of the global `fetch`. */
  readonly fetch?: ((url: string | URL, init: RequestInit) => Promise<Response>) | undefined
  /**
   * How many milliseconds the client waits for the next bytes before the stream fails with
   * `idle_timeout`. 0 means no limit.
   *
   * By default, the limit for a stream of Server-Sent Events is 60 s, and each heartbeat of the
   * server starts the wait again. An NDJSON stream has no limit by default, because the server
   * sends no heartbeats in it while a model loads. The wait for the headers has no limit by default
   * either. A value that you set applies to both kinds of stream and to the headers.
   */
  readonly idleTimeoutMs?: number | undefined
}

/** The whole answer, as `final()` returns it. */
export interface ChatAnswer {
  readonly text: string
  readonly thinking: string
  readonly toolCalls: readonly ChatToolCall[]
  readonly reason: string
  readonly model: string | undefined
  readonly usage: ChatUsage
  readonly tokensPerSecond: number | undefined
  /**
   * Milliseconds from sending the request to the first piece of text, thinking or tool call.
   * `undefined` if the answer has none of these.
   */
  readonly firstTokenMs: number | undefined
}

/** An answer while it is written. It can be read once. The request is sent when reading begins. */
export interface ChatStream extends AsyncIterableIterator<ChatEvent> {
  /**
   * Stops the answer immediately, as `break` does in a loop. A pending `next()` resolves with
   * `done: true`.
   */
  return(): Promise<IteratorResult<ChatEvent>>
  /**
   * Reads the rest of the answer, and resolves to the whole answer, including the events that were
   * read before.
   * @throws ChatHttpError, ChatStreamError (also for a `failed` event), or the reason of the abort
   */
  final(): Promise<ChatAnswer>
  /** Does the same as `final()`, but resolves to the text alone. */
  text(): Promise<string>
}

/** The server refused the request with a status other than 2xx. Nothing was streamed. */
export class ChatHttpError extends Error {
  override readonly name = 'ChatHttpError'
  readonly status: number
  /**
   * A code of docs/protocol.md#4-errors, or `http_error` if the answer did not come from Sluice.
   */
  readonly code: string
  /** Seconds to wait before the next try, from the header `Retry-After`. */
  readonly retryAfter: number | undefined
  readonly requestId: string | undefined

  /** @internal */
  constructor(response: Response, body: string) {
    const json = parseObject(body)
    const text = json?.['error']
    const code = json?.['code']
    super(typeof text === 'string' ? text : `The server answered ${response.status}`)
    this.status = response.status
    this.code = typeof code === 'string' ? code : 'http_error'
    this.retryAfter = toSeconds(response.headers.get('retry-after'))
    this.requestId = toRequestId(response)
  }
}

/** The stream broke off before the answer was complete. */
export class ChatStreamError extends Error {
  override readonly name = 'ChatStreamError'
  /**
   * The server's code (docs/protocol.md#4-errors), if the server sent one. Otherwise a code of the
   * client: `network`, `truncated` (the stream ended without `done` or `failed`), `idle_timeout`,
   * `not_a_stream` (the answer has another content type) or `too_long` (a single frame has more
   * than 16 Mi characters).
   */
  readonly code: string
  readonly requestId: string | undefined

  /** @internal */
  constructor(code: string, message: string, requestId?: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.requestId = requestId
  }
}

const maxFrameLength = 2 ** 24
/**
 * How long the client waits for the end of the body after the last event. After this time it closes
 * the connection.
 */
const endLimitMs = 1000

/**
 * Sends a request to Sluice, and reads the answer while it is written.
 *
 * ```js
 * const body = { messages }
 * for await (const event of streamChat({ url: '/api/chat', body }))
 *   if (event.type === 'delta') show(event.text)
 * ```
 *
 * A stream that ends without `done` or `failed` throws. Leaving the loop stops the answer at the
 * server.
 * @throws while iterating: ChatHttpError, ChatStreamError, or the reason of the signal
 */
export function streamChat(options: ChatOptions): ChatStream {
  const { url, body, signal, headers, idleTimeoutMs, fetch = globalThis.fetch } = options
  const aborting = new AbortController()
  const aborted = aborting.signal
  const toolCalls: ChatToolCall[] = []
  let text = ''
  let thinking = ''
  let sentAt = 0
  let firstTokenMs: number | undefined
  let requestId: string | undefined
  let hasReturned = false
  let toAnswer = (): ChatAnswer => {
    throw aborted.reason
  }

  const toError = (code: string, message: string, cause?: unknown) => new ChatStreamError(code, message, requestId, cause)

  /**
   * Waits for the network. Every wait uses this function, so that all of them throw the same
   * errors.
   */
  const wait = async <T>(promise: Promise<T>, limitMs = 0): Promise<T> => {
    const late = () => aborting.abort(toError('idle_timeout', `Nothing came for ${limitMs} ms`))
    const timer = limitMs > 0 && limitMs < 2 ** 31 ? setTimeout(late, limitMs) : undefined
    try {
      const value = await promise
      aborted.throwIfAborted()
      return value
    } catch (cause) {
      throw aborted.aborted ? aborted.reason : toError('network', `The connection failed: ${String(cause)}`, cause)
    } finally {
      clearTimeout(timer)
    }
  }

  const send = async (): Promise<Response> => {
    const sent = new Headers(headers)
    if (!sent.has('content-type')) sent.set('content-type', 'application/json')
    if (!sent.has('accept')) sent.set('accept', 'text/event-stream, application/x-ndjson;q=0.5')
    const json = JSON.stringify(body)
    sentAt = performance.now()
    const response = await wait(fetch(url, { method: 'POST', headers: sent, body: json, signal: aborted }), idleTimeoutMs)
    requestId = toRequestId(response)
    if (!response.ok) throw new ChatHttpError(response, await wait(response.text().catch(String), idleTimeoutMs))
    return response
  }

  /** Records an event for the result of `final()`. */
  const record = (event: ChatEvent) => {
    if (event.type === 'failed') {
      const error = new ChatStreamError(event.code, event.message, event.requestId ?? requestId)
      toAnswer = () => {
        throw error
      }
    } else if (event.type === 'done') {
      const { type: _, ...rest } = event
      toAnswer = () => ({ text, thinking, toolCalls, firstTokenMs, ...rest })
    } else if (event.type === 'delta' || event.type === 'thinking' || event.type === 'tool_call') {
      firstTokenMs ??= performance.now() - sentAt
      if (event.type === 'delta') text += event.text
      else if (event.type === 'thinking') thinking += event.text
      else toolCalls.push({ name: event.name, arguments: event.arguments })
    }
  }

  const read = async function* (): AsyncGenerator<ChatEvent, undefined> {
    try {
      if (signal?.aborted) aborting.abort(signal.reason)
      aborted.throwIfAborted()
      signal?.addEventListener('abort', () => aborting.abort(signal.reason), { signal: aborted })
      const { body, headers } = await send()
      const type = headers.get('content-type') ?? 'no content type'
      const isEvents = /event-stream/i.test(type)
      if (!body || !(isEvents || /json/i.test(type))) throw toError('not_a_stream', `The server answered with ${type}`)
      const reader = body.getReader()
      // The caller's own `fetch` may ignore the signal, so the reader is cancelled too.
      aborted.addEventListener('abort', () => void reader.cancel().catch(() => {}))
      yield { type: 'start', requestId }

      const limitMs = idleTimeoutMs ?? (isEvents ? 60_000 : 0)
      const decoder = new TextDecoder()
      const frames = isEvents ? createEventReader() : createLineReader()
      for (;;) {
        const { done, value } = await wait(reader.read(), limitMs)
        // The last line of NDJSON may have no LF, so one is added.
        const piece = decoder.decode(value, { stream: !done }) + (done && !isEvents ? '\n' : '')
        for (const frame of frames.read(piece))
          for (const event of toEvents(frame)) {
            aborted.throwIfAborted()
            record(event)
            yield event
            if (event.type === 'done' || event.type === 'failed') {
              // Reads the end of the body, so that the connection can be used again.
              await wait(reader.read(), endLimitMs).catch(() => {})
              return
            }
          }
        if (done) throw toError('truncated', 'The answer broke off without saying why')
        if (frames.pending > maxFrameLength) throw toError('too_long', `A frame is longer than ${maxFrameLength} characters`)
      }
    } catch (error) {
      toAnswer = () => {
        throw error
      }
      if (!hasReturned) throw error
    } finally {
      aborting.abort()
    }
  }

  const events = read()
  const stream: ChatStream = {
    [Symbol.asyncIterator]: () => stream,
    next: () => events.next(),
    return() {
      hasReturned = true
      aborting.abort()
      return events.return(undefined)
    },
    async final() {
      for (let isDone; !isDone;) isDone = (await events.next()).done
      return toAnswer()
    },
    text: async () => (await stream.final()).text,
  }
  return stream
}

function toRequestId({ headers }: Response): string | undefined {
  return headers.get('x-request-id') ?? undefined
}

/** `Retry-After` is a number of seconds or a date (RFC 9110 §10.2.3). */
function toSeconds(header: string | null): number | undefined {
  const seconds = header && (/^\d+$/.test(header) ? Number(header) : Math.max(0, (Date.parse(header) - Date.now()) / 1000))
  return seconds || seconds === 0 ? seconds : undefined
}
