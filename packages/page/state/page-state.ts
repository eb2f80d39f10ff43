import type { ReadonlySignal, Signal } from '@preact/signals'
import type { Chat, ChatSettings } from '../chats/chat.ts'
import type { ThreadItem } from '../chats/to-thread.ts'

/** Everything that the page shows and can do. Actions never reject: what goes wrong becomes state. */
export interface PageState {
  // The list of chats
  /** Newest first; those that `query` finds. */
  readonly chats: ReadonlySignal<readonly ChatSummary[]>
  readonly query: Signal<string>
  /** The open one; a new chat is kept once it has a message. */
  readonly chat: ReadonlySignal<Chat>
  /** Until the kept chats have been read. */
  readonly isReading: ReadonlySignal<boolean>
  open(id: string): Promise<void>
  /** Opens an empty chat, with the settings' model of the last one. */
  create(): void
  rename(id: string, title: string): Promise<void>
  remove(id: string): Promise<void>
  removeAll(): Promise<void>
  exportAll(): Promise<Blob>
  /** How many chats were taken in; undefined if the file is none of ours. */
  importFrom(file: Blob): Promise<number | undefined>
  /** Why chats are not kept (storage denied or full); undefined: they are. */
  readonly historyProblem: ReadonlySignal<'denied' | 'full' | undefined>

  // The open chat
  /** From the first message down the chosen branches. */
  readonly thread: ReadonlySignal<readonly ThreadItem[]>
  /** Undefined takes a setting back to its default. */
  set(settings: { readonly [K in keyof ChatSettings]?: ChatSettings[K] | undefined }): void
  /** Writes to the end of the thread, and asks. */
  send(text: string, images: readonly string[]): void
  /** A new answer beside this one, or in its place if nothing of it came. */
  retry(answerId: string): void
  /** The same question in other words, as a branch, and asks. */
  edit(questionId: string, text: string, images: readonly string[]): void
  /** Goes on with an answer that was cut off. */
  resume(answerId: string): void
  /** Shows the branch before (-1) or after (1). */
  choose(messageId: string, step: -1 | 1): void
  /** Ends the running answer of the open chat; what it has is kept. */
  stop(): void

  // Answers that are being written
  /** Of the open chat. */
  readonly run: ReadonlySignal<Run | undefined>
  /** Ids of the chats that have one: they go on when another chat is opened. */
  readonly running: ReadonlySignal<ReadonlySet<string>>

  // The server
  readonly server: ReadonlySignal<ServerState>
  readonly models: ReadonlySignal<readonly Model[]>
  /** The open chat's model, or the one that a request without a model gets. */
  readonly model: ReadonlySignal<Model | undefined>
  /** Asks for the models again: at the start, when the picker opens, and after a failure. */
  refresh(): Promise<void>
  /** Tries a key; kept for this tab, or on this device if `isKept`. Resolves to whether the server knows it. */
  setKey(key: string, isKept: boolean): Promise<boolean>
  /** Whether there is one to forget. */
  readonly hasKey: ReadonlySignal<boolean>
  forgetKey(): void
}

export interface ChatSummary {
  readonly id: string
  /** Its title, or the first line of its first message; empty only if that is an image. */
  readonly title: string
  readonly updatedAt: number
}

/** An answer that is being written. Its text changes at most once a frame; all else as it happens. */
export interface Run {
  readonly answerId: string
  readonly phase: ReadonlySignal<Phase>
  /** `performance.now()` when the phase began, and when it was sent: for the seconds. */
  readonly phaseSince: ReadonlySignal<number>
  readonly startedAt: number
  readonly text: ReadonlySignal<string>
  readonly thinking: ReadonlySignal<string>
  readonly firstTokenMs: ReadonlySignal<number | undefined>
  /** So far; pieces are counted, Ollama's own count comes at the end. */
  readonly tokens: ReadonlySignal<number>
  readonly tokensPerSecond: ReadonlySignal<number | undefined>
}

/** What the server is doing: before its first frame, waiting in its queue, loading the model, reading the prompt; then the answer itself. */
export type Phase = 'connecting' | 'queued' | 'loading' | 'evaluating' | 'thinking' | 'writing' | 'stopping'

export type ServerState =
  | { readonly how: 'starting' }
  /** `isDemo`: the emulator answers, and no model. */
  | { readonly how: 'ready'; readonly version: string; readonly isDemo: boolean }
  /** It wants a key; `isWrong`: the one it got is not known. */
  | { readonly how: 'locked'; readonly isWrong: boolean }
  /** No models are installed. */
  | { readonly how: 'empty' }
  /** Sluice does not answer, or Ollama behind it does not. */
  | { readonly how: 'unreachable'; readonly who: 'sluice' | 'ollama'; readonly text: string }

export interface Model {
  readonly name: string
  readonly sizeBytes: number
  /** `4.3B`; absent if Ollama does not say. */
  readonly parameters?: string
  readonly quantization?: string
  /** In memory now. */
  readonly isLoaded: boolean
  /** Of `/api/tags`, or of `/api/show`, asked for when needed: `completion`, `vision`, `tools`, `thinking`, `embedding`; undefined: not known yet. */
  readonly capabilities: readonly string[] | undefined
  /** The most that it can take, in tokens. */
  readonly contextLength?: number
}
