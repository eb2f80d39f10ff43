/** How many tokens an answer took, as Ollama counts them. */
export interface ChatUsage {
  /** Undefined where Ollama does not say. */
  readonly promptTokens: number | undefined
  readonly tokens: number
}

/** A call that the model asks for. */
export interface ChatToolCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** What happens in an answer. `start` is the first, `done` or `failed` the last. */
export type ChatEvent =
  /** The server took the request. `requestId` is what its log has. */
  | { readonly type: 'start'; readonly requestId: string | undefined }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'delta'; readonly text: string }
  | ({ readonly type: 'tool_call' } & ChatToolCall)
  /**
   * What is waited for before the first token, if asked for by `prefer: status`: `queued`,
   * `loading` or `evaluating`.
   */
  | { readonly type: 'status'; readonly status: string; readonly elapsedMs: number }
  | {
      readonly type: 'done'
      /** `stop`, or `length`: it was cut off. */
      readonly reason: string
      readonly model: string | undefined
      readonly usage: ChatUsage
      /** As Ollama measured it. */
      readonly tokensPerSecond: number | undefined
    }
  /** The server says that the answer broke off, and why. */
  | { readonly type: 'failed'; readonly message: string; readonly code: string; readonly requestId: string | undefined }
  /** What this version does not know; `event` is `message` for data without a name. */
  | { readonly type: 'unknown'; readonly event: string; readonly data: string }
