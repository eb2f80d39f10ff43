import type { ChatEvent, ChatToolCall, ChatUsage } from './events.ts'
import { createEventReader, createLineReader } from './frames.ts'
import { parseObject, toEvents } from './to-events.ts'

export type * from './events.ts'

export interface ChatOptions {
  /** Of `/api/chat`, `/api/generate` or `/chat`. */
  readonly url: string | URL
  /** Sent as JSON. */
  readonly body: object
  /** Aborting it stops the answer, and the GPU; what waits for the stream rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Beside `content-type` and `accept`, or instead of them: `{ authorization: 'Bearer …' }`, `{ prefer: 'status' }`. */
  readonly headers?: Readonly<Record<string, string>> | Headers | undefined
  /** Instead of the global one. */
  readonly fetch?: ((url: string | URL, init: RequestInit) => Promise<Response>) | undefined
  /**
   * How long not a single byte may come while the stream is waited for; 0: for ever. By default 60 s between the bytes of Server-Sent Events,
   * where heartbeats count, and for ever before the headers and in NDJSON, which is silent while a model loads. If set, it holds for all.
   */
  readonly idleTimeoutMs?: number | undefined
}

/** A whole answer. */
export interface ChatAnswer {
  readonly text: string
  readonly thinking: string
  readonly toolCalls: readonly ChatToolCall[]
  readonly reason: string
  readonly model: string | undefined
  readonly usage: ChatUsage
  readonly tokensPerSecond: number | undefined
  /** From the sending to the first piece of text, thinking or tool call; undefined if there was none. */
  readonly firstTokenMs: number | undefined
}

/** An answer as it comes. It is read once, and nothing is sent before somebody reads. */
export interface ChatStream extends AsyncIterableIterator<ChatEvent> {
  /** Stops the answer at once, a `next()` that waits included, as `break` does. */
  return(): Promise<IteratorResult<ChatEvent>>
  /**
   * Reads what is left, and resolves to the whole answer, with what was iterated over before.
   * @throws ChatHttpError, ChatStreamError (also for a `failed` event), or the reason of the abort
   */
  final(): Promise<ChatAnswer>
  /** The text of `final()`. */
  text(): Promise<string>
}

/** The server refused: a status that is not 2xx, before anything was streamed. */
export class ChatHttpError extends Error {
  override readonly name = 'ChatHttpError'
  readonly status: number
  /** Of docs/protocol.md §4; `http_error` if the answer was not one of Sluice's. */
  readonly code: string
  /** Seconds, of `Retry-After`. */
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

/** The stream broke off. */
export class ChatStreamError extends Error {
  override readonly name = 'ChatStreamError'
  /**
   * Of docs/protocol.md §4 if the server said why. Else `network`, `truncated` (an end without a terminal), `idle_timeout`, `not_a_stream`
   * (another content type) or `too_long` (a single frame over 16 Mi characters).
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
/** How long the end of the body may take after the terminal, before the connection is given up. */
const endLimitMs = 1000

/**
 * Asks Sluice, and reads the answer while it is written.
 *
 * ```js
 * for await (const event of streamChat({ url: '/api/chat', body: { messages } })) if (event.type === 'delta') show(event.text)
 * ```
 *
 * A stream that ends without `done` or `failed` throws; leaving the loop stops the answer at the server.
 * @throws (by iterating) ChatHttpError, ChatStreamError, or the reason of the signal
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
  let isLeft = false
  let toAnswer = (): ChatAnswer => {
    throw aborted.reason
  }

  const toError = (code: string, message: string, cause?: unknown) => new ChatStreamError(code, message, requestId, cause)

  /** The one place that waits for the network. */
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

  /** Keeps what `final()` tells. */
  const keep = (event: ChatEvent) => {
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
      // Also where a `fetch` of the caller's does not heed the signal.
      aborted.addEventListener('abort', () => void reader.cancel().catch(() => {}))
      yield { type: 'start', requestId }

      const limitMs = idleTimeoutMs ?? (isEvents ? 60_000 : 0)
      const decoder = new TextDecoder()
      const frames = isEvents ? createEventReader() : createLineReader()
      for (;;) {
        const { done, value } = await wait(reader.read(), limitMs)
        // The last line of NDJSON may have no LF.
        const piece = decoder.decode(value, { stream: !done }) + (done && !isEvents ? '\n' : '')
        for (const frame of frames.read(piece))
          for (const event of toEvents(frame)) {
            aborted.throwIfAborted()
            keep(event)
            yield event
            if (event.type === 'done' || event.type === 'failed') {
              // The end of the body, so that the connection can be used again.
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
      if (!isLeft) throw error
    } finally {
      aborting.abort()
    }
  }

  const events = read()
  const stream: ChatStream = {
    [Symbol.asyncIterator]: () => stream,
    next: () => events.next(),
    return() {
      isLeft = true
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

/** `Retry-After` is seconds or a date (RFC 9110 §10.2.3). */
function toSeconds(header: string | null): number | undefined {
  const seconds = header && (/^\d+$/.test(header) ? Number(header) : Math.max(0, (Date.parse(header) - Date.now()) / 1000))
  return seconds || seconds === 0 ? seconds : undefined
}
