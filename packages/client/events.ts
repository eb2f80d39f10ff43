/** How many tokens an answer took, as Ollama counts them. */
export interface ChatUsage {
  /** `undefined` if Ollama does not report it. */
  readonly promptTokens: number | undefined
  readonly tokens: number
}

/** A tool call that the model asks for. */
export interface ChatToolCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** An event of an answer. `start` comes first, `done` or `failed` comes last. */
export type ChatEvent =
  /** The server accepted the request. */
  | {
      readonly type: 'start'
      /** The request's id in the server's log. */
      readonly requestId: string | undefined
      /**
       * The address of the answer, for the option `resume`. `undefined` if it cannot be resumed.
       */
      readonly stream: string | undefined
    }
  /**
   * The connection broke. The client connects again in `delayMs`. `attempt` counts from 1 since the
   * last progress. If the option `resume` is an address, this event may come before `start`.
   */
  | { readonly type: 'reconnecting'; readonly attempt: number; readonly delayMs: number }
  /** The client has a connection again. The answer goes on where it was. */
  | { readonly type: 'resumed' }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'delta'; readonly text: string }
  | ({ readonly type: 'tool_call' } & ChatToolCall)
  /**
   * What the server is doing before the first token: `queued`, `loading` or `evaluating`. This
   * event is sent only if the request has the header `prefer: status`.
   */
  | { readonly type: 'status'; readonly status: string; readonly elapsedMs: number }
  | {
      readonly type: 'done'
      /** `stop`, or `length` if the answer was cut off. */
      readonly reason: string
      readonly model: string | undefined
      readonly usage: ChatUsage
      /** The speed that Ollama measured. `undefined` if Ollama does not report it. */
      readonly tokensPerSecond: number | undefined
    }
  /** The answer broke off. `message` and `code` are the server's reason. */
  | { readonly type: 'failed'; readonly message: string; readonly code: string; readonly requestId: string | undefined }
  /**
   * An event that this version of the client does not know. `event` is `message` if the event has
   * no name.
   */
  | { readonly type: 'unknown'; readonly event: string; readonly data: string }
