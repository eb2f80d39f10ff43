/**
 * A chat as it is stored, exported and merged between tabs. It is plain JSON, and is never changed
 * in place.
 */
export interface Chat {
  readonly id: string
  /** The title that the user typed. If it is empty, the first message is shown as the title. */
  readonly title: string
  /** Milliseconds since 1970, like all times in this file. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly settings: ChatSettings
  /** A tree of messages, by id. The children of a message are the branches that follow it. */
  readonly messages: Readonly<Record<string, Message>>
  /**
   * The ids of the children that are shown, by the id of their parent. `''` is the parent of the
   * first messages. Without an entry the newest child is shown.
   */
  readonly chosen: Readonly<Record<string, string>>
}

export interface ChatSettings {
  /** If absent, the server's default model answers. */
  readonly model?: string
  readonly system?: string
  /** Whether a thinking model thinks. If absent, the model decides. */
  readonly think?: boolean
  readonly temperature?: number
  readonly numCtx?: number
  readonly numPredict?: number
  readonly seed?: number
  /** How long the model stays in memory, in Ollama's syntax: `5m`, or `-1` for ever. */
  readonly keepAlive?: string
}

export interface Message {
  readonly id: string
  /** The id of the message before this one, or `''` for a first message. */
  readonly parent: string
  readonly createdAt: number
  /** The time of the last change. A merge keeps the state with the later time. */
  readonly updatedAt: number
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Images in base64, in a format that Ollama accepts (JPEG or PNG). */
  readonly images?: readonly string[]
  // Only answers have the fields below.
  /**
   * The name of the requested model. When the answer is complete, this is the name of the model
   * that answered, which may be another model.
   */
  readonly model?: string
  readonly thinking?: string
  readonly thinkingMs?: number
  readonly toolCalls?: readonly ToolCall[]
  /**
   * The time when the server accepted the request, if the answer can be resumed. All tabs that show
   * the answer have the same time, so that a merge knows states of the same request.
   */
  readonly acceptedAt?: number
  /** Where the answer can be read while it is being written. Absent when it has ended. */
  readonly stream?: AnswerStream
  /** Absent while the answer is being written. */
  readonly end?: End
  readonly usage?: Usage
}

/** The stream of an answer that is being written. Any tab can read it from its beginning. */
export interface AnswerStream {
  /** The address of the stream at the server, such as `/streams/RUN`. */
  readonly address: string
  /** The answer when it was requested: empty, or with the text that the stream continues. */
  readonly before: Message
}

export interface ToolCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** How an answer ended. The text that arrived is kept in any case. */
export type End =
  | { readonly how: 'done' }
  /** Cut off by num_predict or by the end of the context. */
  | { readonly how: 'length' }
  /**
   * Stopped by the user. `isFreed` is whether the server confirmed that the generation has ended.
   */
  | { readonly how: 'stopped'; readonly isFreed: boolean }
  /**
   * The rest of the answer did not reach a page. `abandoned`: the server stopped the answer,
   * because no page was connected. `lost`: the server no longer has the answer. Without a reason,
   * the page was closed or reloaded, and the server could not keep the answer.
   */
  | { readonly how: 'interrupted'; readonly why?: 'abandoned' | 'lost' }
  | {
      readonly how: 'failed'
      /** A code of docs/protocol.md#4-errors, or a code of the client, such as `network`. */
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
