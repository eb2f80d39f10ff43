import { parseObject, toText } from './to-events.ts'

/** The server refused the request with a status other than 2xx. Nothing was streamed. */
export class ChatHttpError extends Error {
  override readonly name = 'ChatHttpError'
  declare readonly status: number
  /**
   * A code of docs/protocol.md#4-errors, or `http_error` if the answer did not come from Sluice.
   */
  declare readonly code: string
  /** Seconds to wait before the next try, from the header `Retry-After`. */
  declare readonly retryAfter: number | undefined
  declare readonly requestId: string | undefined

  /** @internal */
  constructor(response: Response, body: string, requestId?: string) {
    const json = parseObject(body)
    super(toText(json?.['error']) ?? `The server answered ${response.status}`)
    this.status = response.status
    this.code = toText(json?.['code']) ?? 'http_error'
    this.retryAfter = toSeconds(response.headers.get('retry-after') ?? '')
    this.requestId = requestId
  }
}

/** The stream broke off before the answer was complete. */
export class ChatStreamError extends Error {
  override readonly name = 'ChatStreamError'
  /**
   * The server's code (docs/protocol.md#4-errors), if the server sent one. Otherwise a code of the
   * client: `network`, `truncated` (the stream ended without `done` or `failed`), `idle_timeout`,
   * `not_a_stream` (the answer has another content type) or `too_long` (a single frame has more
   * than 16 million characters).
   */
  declare readonly code: string
  declare readonly requestId: string | undefined

  /** @internal */
  constructor(code: string, message: string, requestId?: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.requestId = requestId
  }
}

/** `Retry-After` is a number of seconds or a date (RFC 9110 §10.2.3). */
function toSeconds(header: string): number | undefined {
  const seconds = /^\d+$/.test(header) ? Number(header) : Math.max(0, (Date.parse(header) - Date.now()) / 1000)
  return seconds >= 0 ? seconds : undefined
}
