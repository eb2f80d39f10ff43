/** A chat as it is kept, exported and merged between tabs: plain JSON, never changed in place. */
export interface Chat {
  readonly id: string
  /** As its owner named it; empty: it is shown by its first message. */
  readonly title: string
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly settings: ChatSettings
  /** A tree: children of a message are the branches of what follows it. */
  readonly messages: Readonly<Record<string, Message>>
  /** Which child of a message is shown, by the message's id; `''` stands above the first messages. Without an entry the newest is. */
  readonly chosen: Readonly<Record<string, string>>
}

export interface ChatSettings {
  /** Absent: the server's default. */
  readonly model?: string
  readonly system?: string
  /** Whether a thinking model thinks; absent: as it likes. */
  readonly think?: boolean
  readonly temperature?: number
  readonly numCtx?: number
  readonly numPredict?: number
  readonly seed?: number
  /** As Ollama takes it: `5m`, `-1`. */
  readonly keepAlive?: string
}

export interface Message {
  readonly id: string
  /** The message that it follows; `''` for a first one. */
  readonly parent: string
  readonly createdAt: number
  /** The newer wins in a merge. */
  readonly updatedAt: number
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Images in base64, JPEG or PNG, as Ollama takes them. */
  readonly images?: readonly string[]
  /** What follows is an answer's only. */
  /** Which was asked; what answered may have another name, which comes with a whole answer. */
  readonly model?: string
  readonly thinking?: string
  readonly thinkingMs?: number
  readonly toolCalls?: readonly ToolCall[]
  /** Absent while it is being written. */
  readonly end?: End
  readonly usage?: Usage
}

export interface ToolCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** How an answer ended; what it has is kept in any case. */
export type End =
  | { readonly how: 'done' }
  /** Cut off at num_predict or by the context. */
  | { readonly how: 'length' }
  /** By the reader; `isFreed`: the server confirmed that nothing runs any more. */
  | { readonly how: 'stopped'; readonly isFreed: boolean }
  /** The page was closed or reloaded meanwhile. */
  | { readonly how: 'interrupted' }
  | {
      readonly how: 'failed'
      /** Of docs/protocol.md §4, or `network` if nothing was heard of the server. */
      readonly code: string
      readonly text: string
      readonly requestId?: string
      readonly retryAfterSeconds?: number
    }

export interface Usage {
  readonly promptTokens?: number
  readonly tokens: number
  /** From sending to the first token. */
  readonly firstTokenMs?: number
  readonly tokensPerSecond?: number
}
