export interface ChatOptions {
  /** The address of `/api/chat`, `/api/generate` or `/chat`. */
  readonly url: string | URL
  /** The request, which is sent as JSON. */
  readonly body: object
  /**
   * `true` asks the server for a stream that outlives its connection. If the connection breaks, the
   * client connects again, and the answer goes on where it was. Nothing is generated twice. If the
   * server does not keep streams, a broken connection is an error, as without this option.
   *
   * A string is the address of a stream, as the `start` event gives it. The client sends no POST
   * then, and reads that answer from its beginning. Only `url` and `headers` are used of the
   * request. A page does this after a reload or in a second tab.
   */
  readonly resume?: boolean | string | undefined
  /**
   * Aborting this signal stops the answer and frees the GPU. Pending calls on the stream then
   * reject with the signal's reason. A stream that can be resumed is only left: its answer goes on
   * until the server's grace is over. Use `stop()` to stop it.
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
   * either, except when the client connects again: then it is 15 s. A value that you set applies to
   * both kinds of stream and to the headers.
   */
  readonly idleTimeoutMs?: number | undefined
}

/** The options to read a stream that another request has started. */
export interface ChatResumeOptions extends Omit<ChatOptions, 'body' | 'resume'> {
  readonly resume: string
}
