import type { ReadonlySignal, Signal } from '@preact/signals'
import type { Chat, ChatSettings } from '../chats/chat.ts'
import type { ThreadItem } from '../chats/to-thread.ts'

/**
 * Everything that the page shows and can do. Actions never reject, because what goes wrong becomes
 * state.
 */
export interface PageState {
  // The list of chats
  /** The chats that `query` finds, newest first. */
  readonly chats: ReadonlySignal<readonly ChatSummary[]>
  readonly query: Signal<string>
  /** The open chat. A new chat is stored once it has a message. */
  readonly chat: ReadonlySignal<Chat>
  /** True until the stored chats have been read. */
  readonly isReading: ReadonlySignal<boolean>
  open(id: string): Promise<void>
  /** Opens an empty chat. Its settings name the model of the chat that was open before. */
  create(): void
  rename(id: string, title: string): Promise<void>
  remove(id: string): Promise<void>
  removeAll(): Promise<void>
  exportAll(): Promise<Blob>
  /** Resolves to how many chats were added, or to undefined if the file is not one of ours. */
  importFrom(file: Blob): Promise<number | undefined>
  /** Why chats are not stored: storage is denied or full. `undefined` if they are stored. */
  readonly historyProblem: ReadonlySignal<'denied' | 'full' | undefined>

  // The open chat
  /** The messages from the first one down the chosen branches. */
  readonly thread: ReadonlySignal<readonly ThreadItem[]>
  /** A setting of undefined goes back to its default. */
  set(settings: { readonly [K in keyof ChatSettings]?: ChatSettings[K] | undefined }): void
  /** Adds a question to the end of the thread, and asks for its answer. */
  send(text: string, images: readonly string[]): void
  /**
   * Asks for a new answer beside this one. If this answer is empty, the new answer takes its place.
   */
  retry(answerId: string): void
  /** Asks the question in other words, as another branch. */
  edit(questionId: string, text: string, images: readonly string[]): void
  /** Goes on with an answer that was cut off. */
  resume(answerId: string): void
  /** Shows the branch before (-1) or after (1) the branch of a message. */
  choose(messageId: string, step: -1 | 1): void
  /** Ends the running answer of the open chat. The text that came is kept. */
  stop(): void

  // Answers that are being written
  /** The answer of the open chat that is being written. */
  readonly run: ReadonlySignal<Run | undefined>
  /**
   * Ids of the chats with an answer that is being written. Such answers go on when another chat is
   * opened.
   */
  readonly running: ReadonlySignal<ReadonlySet<string>>

  // The server
  readonly server: ReadonlySignal<ServerState>
  readonly models: ReadonlySignal<readonly Model[]>
  /** The open chat's model, or the model of a request that names none. */
  readonly model: ReadonlySignal<Model | undefined>
  /**
   * Asks for the server's state and the models again, as when the picker opens or after a failure.
   */
  refresh(): Promise<void>
  /**
   * Tries a key. It is stored for this tab, or for this device if `isOnDevice`. Resolves to whether
   * the server knows it.
   */
  setKey(key: string, isOnDevice: boolean): Promise<boolean>
  /** Whether there is a key to forget. */
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
 * An answer that is being written. Its text changes at most once per frame. All else changes at
 * once.
 */
export interface Run {
  readonly answerId: string
  readonly phase: ReadonlySignal<Phase>
  /** `performance.now()` when the phase began. The page counts seconds from it. */
  readonly phaseSince: ReadonlySignal<number>
  /** `performance.now()` when the request was sent. */
  readonly startedAt: number
  readonly text: ReadonlySignal<string>
  readonly thinking: ReadonlySignal<string>
  readonly firstTokenMs: ReadonlySignal<number | undefined>
  /** The tokens so far, one for each piece. Ollama's own count comes at the end. */
  readonly tokens: ReadonlySignal<number>
  readonly tokensPerSecond: ReadonlySignal<number | undefined>
}

/**
 * What the server is doing. Until its first frame the page is `connecting`. Then the server waits
 * in its queue, loads the model, reads the prompt, and at last writes the answer.
 */
export type Phase = 'connecting' | 'queued' | 'loading' | 'evaluating' | 'thinking' | 'writing' | 'stopping'

export type ServerState =
  | { readonly kind: 'starting' }
  /** `isDemo` says that the emulator answers, and not a model. */
  | { readonly kind: 'ready'; readonly version: string; readonly isDemo: boolean }
  /** The server wants a key. `isWrong` says that it does not know the key that it got. */
  | { readonly kind: 'locked'; readonly isWrong: boolean }
  /** No models are installed. */
  | { readonly kind: 'empty' }
  /** Sluice does not answer, or Ollama behind it does not. */
  | { readonly kind: 'unreachable'; readonly service: 'sluice' | 'ollama'; readonly text: string }

export interface Model {
  readonly name: string
  readonly sizeBytes: number
  /** `4.3B`; absent if Ollama does not say. */
  readonly parameters?: string
  readonly quantization?: string
  /** Whether the model is in memory now. */
  readonly isLoaded: boolean
  /**
   * `completion`, `vision`, `tools`, `thinking`, `embedding`. They come from `/api/tags`, or from
   * `/api/show` when needed. `undefined` while they are not known.
   */
  readonly capabilities: readonly string[] | undefined
  /** The longest context that the model can take, in tokens. */
  readonly contextLength?: number
}
