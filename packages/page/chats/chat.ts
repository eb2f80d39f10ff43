/**
 * A chat as it is stored, exported and merged between tabs. It is plain JSON and never changed in
 * place.
 */
export interface Chat {
  readonly id: string
  /** The name that its owner gave it. If it is empty, the first message names the chat. */
  readonly title: string
  /** Milliseconds since 1970, like all times here. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly settings: ChatSettings
  /** A tree, by id. The children of a message are the branches that follow it. */
  readonly messages: Readonly<Record<string, Message>>
  /**
   * The id of the child that is shown, under the id of its parent. `''` is the parent of the first
   * messages. Without an entry the newest child is shown.
   */
  readonly chosen: Readonly<Record<string, string>>
}

export interface ChatSettings {
  /** If absent, the server's default model answers. */
  readonly model?: string
  readonly system?: string
  /** Whether a thinking model thinks. If absent, the request leaves this to the model. */
  readonly think?: boolean
  readonly temperature?: number
  readonly numCtx?: number
  readonly numPredict?: number
  readonly seed?: number
  /** In Ollama's form: `5m`, `-1`. */
  readonly keepAlive?: string
}

export interface Message {
  readonly id: string
  /** The id of the message before this one, or `''` for a first message. */
  readonly parent: string
  readonly createdAt: number
  /** In a merge the newer message wins. */
  readonly updatedAt: number
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Images in base64, JPEG or PNG, as Ollama takes them. */
  readonly images?: readonly string[]
  // Only answers have the fields below.
  /**
   * The model that was asked. The name may be another one once the answer is complete, because the
   * answer's end names the model that answered.
   */
  readonly model?: string
  readonly thinking?: string
  readonly thinkingMs?: number
  readonly toolCalls?: readonly ToolCall[]
  /** Absent while the answer is being written. */
  readonly end?: End
  readonly usage?: Usage
}

export interface ToolCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** How an answer ended. The text that came is kept in any case. */
export type End =
  | { readonly how: 'done' }
  /** Cut off by num_predict or by the end of the context. */
  | { readonly how: 'length' }
  /**
   * Stopped by the reader. `isFreed` says whether the server confirmed that nothing runs any more.
   */
  | { readonly how: 'stopped'; readonly isFreed: boolean }
  /** The page was closed or reloaded while the answer was being written. */
  | { readonly how: 'interrupted' }
  | {
      readonly how: 'failed'
      /** A code of docs/protocol.md#4-errors, or the client's own, such as `network`. */
      readonly code: string
      readonly text: string
      readonly requestId?: string
      readonly retryAfterSeconds?: number
    }

export interface Usage {
  readonly promptTokens?: number
  readonly tokens: number
  /** Milliseconds from sending the request to the first token. */
  readonly firstTokenMs?: number
  readonly tokensPerSecond?: number
}
