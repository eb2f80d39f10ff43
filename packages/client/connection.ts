import { ChatHttpError, ChatStreamError } from './errors.ts'
import { createFrameReader, type Frame, type FrameReader } from './frames.ts'
import { maxFrameLength } from './limits.ts'
import type { ChatOptions } from './options.ts'

/** One request, and the frames of its response. */
export interface Connection {
  /**
   * Sends the request, and resolves when the head of the response has arrived.
   * @param limitMs the time limit for the head. 0 means no limit
   * @throws ChatHttpError for a status other than 2xx, ChatStreamError `network` or `idle_timeout`
   */
  send(url: string | URL, init: RequestInit, limitMs?: number): Promise<Response>
  /**
   * Sends the request, and begins to read its response.
   * @throws as `send` does, and ChatStreamError `not_a_stream`
   */
  open(
    url: string | URL,
    init: RequestInit,
    limitMs?: number,
  ): Promise<Pick<Response, 'headers'> & { readonly requestId: string | undefined }>
  /**
   * Returns the frames that the next bytes complete.
   * @throws ChatStreamError `network`, `idle_timeout`, `too_long`, or `truncated` at the end of the
   * body
   */
  read(limitMs?: number): Promise<Frame[]>
  /** Closes the connection. Pending calls reject with `reason`. */
  close(reason?: unknown): void
}

/** Creates a connection for one request. Close it when it is no longer needed. */
export function createConnection(fetch: NonNullable<ChatOptions['fetch']>, idleTimeoutMs?: number): Connection {
  const closing = new AbortController()
  const closed = closing.signal
  const close = (reason?: unknown) => {
    closing.abort(reason)
    // The caller's own `fetch` may ignore the signal, so the reader is cancelled too.
    reader?.cancel().catch(() => {})
  }
  const decoder = new TextDecoder()
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  let frames: FrameReader
  let isEvents = false
  let requestId: string | undefined

  const toError = (code: string, message: string, cause?: unknown) => new ChatStreamError(code, message, requestId, cause)

  /**
   * Waits for the network. Every wait uses this function, so that all of them throw the same
   * errors.
   */
  const wait = async <T>(promise: Promise<T>, limitMs = 0): Promise<T> => {
    const timer =
      limitMs > 0 && limitMs < 2 ** 31
        ? setTimeout(() => close(toError('idle_timeout', `Nothing came for ${limitMs} ms`)), limitMs)
        : undefined
    try {
      const value = await promise
      closed.throwIfAborted()
      return value
    } catch (cause) {
      throw closed.aborted ? closed.reason : toError('network', `The connection failed: ${String(cause)}`, cause)
    } finally {
      clearTimeout(timer)
    }
  }

  const send = async (url: string | URL, init: RequestInit, limitMs?: number): Promise<Response> => {
    const response = await wait(fetch(url, { ...init, signal: closed }), limitMs)
    requestId = response.headers.get('x-request-id') ?? undefined
    if (!response.ok) throw new ChatHttpError(response, await wait(response.text().catch(String), limitMs), requestId)
    return response
  }

  return {
    send,
    async open(url, init, limitMs) {
      const { body, headers } = await send(url, init, limitMs)
      const type = headers.get('content-type') ?? 'no content type'
      isEvents = /event-stream/i.test(type)
      if (!body || !(isEvents || /json/i.test(type))) throw toError('not_a_stream', `The server answered with ${type}`)
      frames = createFrameReader(isEvents)
      reader = body.getReader()
      return { headers, requestId }
    },
    async read(limitMs = idleTimeoutMs ?? (isEvents ? 60_000 : 0)) {
      if (frames.pending > maxFrameLength) throw toError('too_long', 'A frame is too long')
      const { done, value } = await wait(reader!.read(), limitMs)
      // The last line of NDJSON may have no LF, so one is added.
      const complete = frames.read(decoder.decode(value, { stream: !done }) + (done && !isEvents ? '\n' : ''))
      if (done && !complete[0]) throw toError('truncated', 'The answer broke off')
      return complete
    },
    close,
  }
}
