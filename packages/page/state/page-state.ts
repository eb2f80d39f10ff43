import type { ReadonlySignal, Signal } from '@preact/signals'
import type { Chat, ChatSettings } from '../chats/chat.ts'
import type { ThreadItem } from '../chats/to-thread.ts'

/**
 * Everything that the page shows and can do. Actions never reject. A failure becomes part of the
 * state.
 */
export interface PageState {
  // The list of chats
  /** The chats that `query` finds, newest first. */
  readonly chats: ReadonlySignal<readonly ChatSummary[]>
  readonly query: Signal<string>
  /** The open chat. A new chat is stored when its first message is added. */
  readonly chat: ReadonlySignal<Chat>
  /** True until the stored chats have been read. */
  readonly isReading: ReadonlySignal<boolean>
  open(id: string): Promise<void>
  /** Opens an empty chat, with the model of the chat that was open before. */
  create(): void
  rename(id: string, title: string): Promise<void>
  remove(id: string): Promise<void>
  removeAll(): Promise<void>
  exportAll(): Promise<Blob>
  /**
   * Resolves to the number of added chats, or to undefined if the file is not an export of this
   * page.
   */
  importFrom(file: Blob): Promise<number | undefined>
  /** Why chats are not stored: storage is denied or full. `undefined` if they are stored. */
  readonly historyProblem: ReadonlySignal<'denied' | 'full' | undefined>

  // The open chat
  /** The messages along the chosen branches, from the first one on. */
  readonly thread: ReadonlySignal<readonly ThreadItem[]>
  /** Changes settings. A value of undefined restores the default. */
  set(settings: { readonly [K in keyof ChatSettings]?: ChatSettings[K] | undefined }): void
  /** Adds a question to the end of the thread, and asks for its answer. */
  send(text: string, images: readonly string[]): void
  /**
   * Asks for another answer as a new branch. If the old answer is empty, the new one replaces it.
   */
  retry(answerId: string): void
  /** Asks a changed question, as another branch. */
  edit(questionId: string, text: string, images: readonly string[]): void
  /** Continues an answer that was cut off. */
  resume(answerId: string): void
  /** Shows the branch before (-1) or after (1) the branch of a message. */
  choose(messageId: string, step: -1 | 1): void
  /** Ends the running answer of the open chat. The text so far is kept. */
  stop(): void

  // Answers that are being written
  /** The answer that is being written in the open chat. */
  readonly run: ReadonlySignal<Run | undefined>
  /**
   * The ids of the chats in which an answer is being written. These answers continue when another
   * chat is opened.
   */
  readonly running: ReadonlySignal<ReadonlySet<string>>

  // The server
  readonly server: ReadonlySignal<ServerState>
  readonly models: ReadonlySignal<readonly Model[]>
  /** The open chat's model, or the server's default model if the chat has none. */
  readonly model: ReadonlySignal<Model | undefined>
  /**
   * Requests the server's state and the models again, for example when the picker opens or after a
   * failure.
   */
  refresh(): Promise<void>
  /**
   * Checks a key with the server. If the server accepts the key, it is stored: for this device if
   * `isOnDevice`, otherwise for this tab. Resolves to whether the server accepts the key.
   */
  setKey(key: string, isOnDevice: boolean): Promise<boolean>
  /** Whether a key is stored. */
  readonly hasKey: ReadonlySignal<boolean>
  forgetKey(): void
}

export interface ChatSummary {
  readonly id: string
  /**
   * The chat's title, or the first line of its first message. Empty only if that message is an
   * image without text.
   */
  readonly title: string
  readonly updatedAt: number
}

/**
 * An answer that is being written. Its text, thoughts and counts change at most once per animation
 * frame. Its phase changes immediately.
 */
export interface Run {
  readonly answerId: string
  readonly phase: ReadonlySignal<Phase>
  /**
   * The time by `performance.now()` when the phase began. The page shows the seconds since then.
   */
  readonly phaseSince: ReadonlySignal<number>
  /**
   * The time by `performance.now()` when the connection broke. `undefined` unless the page is
   * connecting again.
   */
  readonly reconnectingSince: ReadonlySignal<number | undefined>
  /** The time by `performance.now()` when the request was sent. */
  readonly startedAt: number
  readonly text: ReadonlySignal<string>
  readonly thinking: ReadonlySignal<string>
  readonly firstTokenMs: ReadonlySignal<number | undefined>
  /**
   * The number of tokens so far. Each `delta`, `thinking` and `tool_call` event is counted as one
   * token. The final message has Ollama's own count.
   */
  readonly tokens: ReadonlySignal<number>
  readonly tokensPerSecond: ReadonlySignal<number | undefined>
}

/**
 * What the server is doing. Before the server's first frame, the phase is `connecting`. Then the
 * request waits in the queue, the model is loaded, the model reads the prompt, and at last the
 * model writes the answer. If the page reads an answer that it did not request, it only knows that
 * the answer is `waiting` for its first token.
 */
export type Phase = 'connecting' | 'waiting' | 'queued' | 'loading' | 'evaluating' | 'thinking' | 'writing' | 'stopping'

export type ServerState =
  | { readonly kind: 'starting' }
  /** `isDemo` is whether the emulator answers instead of a model. */
  | { readonly kind: 'ready'; readonly version: string; readonly isDemo: boolean }
  /** The server requires a key. `isWrong` is whether it rejected the key that was sent. */
  | { readonly kind: 'locked'; readonly isWrong: boolean }
  /** No models are installed. */
  | { readonly kind: 'empty' }
  /** Sluice does not answer, or Sluice answers but Ollama does not. */
  | { readonly kind: 'unreachable'; readonly service: 'sluice' | 'ollama'; readonly text: string }

export interface Model {
  readonly name: string
  readonly sizeBytes: number
  /** The number of parameters, such as `4.3B`. It is absent if Ollama does not report it. */
  readonly parameters?: string
  readonly quantization?: string
  /** Whether the model is in memory now. */
  readonly isLoaded: boolean
  /**
   * `completion`, `vision`, `tools`, `thinking`, `embedding`. They come from `/api/tags`, or from
   * `/api/show` if `/api/tags` does not contain them. `undefined` while they are not known.
   */
  readonly capabilities: readonly string[] | undefined
  /** The model's maximum context, in tokens. */
  readonly contextLength?: number
}
